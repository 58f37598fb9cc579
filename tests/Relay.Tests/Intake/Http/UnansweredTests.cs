using System.Net;

namespace Relay.Tests.Intake.Http;

public sealed class UnansweredTests
{
    [Theory]
    [InlineData("/")]
    [InlineData("/sned")]
    [InlineData("/messages/1/2/3")]
    public async Task A_path_at_which_nothing_stands_is_a_problem_that_says_where_to_look(string path)
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = (await api.GetAsync(path)).IsProblem(HttpStatusCode.NotFound);

        Assert.Contains("/scalar", answer.String("detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_method_that_a_path_does_not_take_is_a_problem_that_names_those_it_takes()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = (await api.DeleteAsync("/send")).IsProblem(HttpStatusCode.MethodNotAllowed);

        Assert.Equal("this path does not take DELETE; it takes POST", answer.String("detail"));
    }

    [Fact]
    public async Task HEAD_is_answered_as_GET_is_but_for_the_body()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var messages = await api.CallAsync(HttpMethod.Head, "/messages", null, api.Key);
        var nobody = await api.CallAsync(HttpMethod.Head, "/messages", null, "wrong");
        var send = await api.CallAsync(HttpMethod.Head, "/send", null, api.Key);

        Assert.Equal((HttpStatusCode.OK, "application/json", 0), (messages.Status, messages.ContentType, messages.Body.Length));
        Assert.Equal(HttpStatusCode.Unauthorized, nobody.Status);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, send.Status);
    }

    [Fact]
    public async Task A_fault_of_ours_is_a_problem_that_tells_nothing_of_it_but_where_the_log_does()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = (await api.GetAsync("/broken")).IsProblem(HttpStatusCode.InternalServerError);

        Assert.DoesNotContain("s3cret", answer.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", answer.Text, StringComparison.Ordinal);
        Assert.Contains("its log says what, under ", answer.String("detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_an_endpoint_answers_stays_as_it_is()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = (await api.GetAsync("/messages/01kd3v0000000000000000000")).IsProblem(HttpStatusCode.NotFound);

        Assert.DoesNotContain("/scalar", answer.Text, StringComparison.Ordinal);
    }
}
