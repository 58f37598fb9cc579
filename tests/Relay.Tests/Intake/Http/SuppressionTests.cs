using System.Net;
using System.Text;
using Relay.Mail.Suppressions;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Tests.Intake.Http;

/// <summary><c>/suppressions</c>.</summary>
public sealed class SuppressionTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_address_is_added_shown_and_released()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var added = await api.PostAsync("/suppressions", """{ "email": "Ada@There.test", "note": "asked by phone" }""");
        Assert.Equal(HttpStatusCode.Created, added.Status);
        Assert.Equal(("ada@there.test", "suppressed", "manual", "asked by phone"), (added.String("email"), added.String("status"), added.String("reason"), added.String("words")));
        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("/suppressions", """{ "email": "ada@there.test" }""")).Status);
        Assert.Equal("asked by phone", (await api.GetAsync("/suppressions/ADA@there.test")).String("words"));
        Assert.Single((await api.GetAsync("/suppressions")).Json.GetProperty("items").EnumerateArray());

        Assert.Equal(HttpStatusCode.NoContent, (await api.DeleteAsync("/suppressions/ada@there.test")).Status);
        (await api.DeleteAsync("/suppressions/ada@there.test")).IsProblem(HttpStatusCode.NotFound);
        Assert.Equal("released", (await api.GetAsync("/suppressions/ada@there.test")).String("status"));
        Assert.Empty((await api.GetAsync("/suppressions")).Json.GetProperty("items").EnumerateArray());
    }

    [Fact]
    public async Task A_stream_is_suppressed_shown_and_released_by_itself()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.PostAsync("/suppressions", """{ "email": "ada@there.test", "stream": "news" }""");
        await api.PostAsync("/suppressions", """{ "email": "ada@there.test", "stream": "offers" }""");

        var shown = await api.GetAsync("/suppressions/ada@there.test");
        Assert.Equal("news", shown.String("stream"));
        Assert.Equal("offers", Assert.Single(shown.Json.GetProperty("others").EnumerateArray()).GetProperty("stream").GetString());

        var refused = await api.DeleteAsync("/suppressions/ada@there.test");
        refused.IsProblem(HttpStatusCode.NotFound);
        Assert.Contains("?stream=", refused.Text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NoContent, (await api.DeleteAsync("/suppressions/ada@there.test?stream=news")).Status);
        Assert.Equal("offers", (await api.GetAsync("/suppressions/ada@there.test")).String("stream"));
    }

    [Fact]
    public async Task What_is_wrong_is_named()
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.PostAsync("/suppressions", """{ "email": "nobody" }""")).Names(HttpStatusCode.UnprocessableEntity, "email");
        (await api.PostAsync("/suppressions", """{ "email": "a@b.test", "note": "two\nlines" }""")).Names(HttpStatusCode.UnprocessableEntity, "note");
        (await api.PostAsync("/suppressions", """{ "email": "a@b.test", "stream": "No Stream" }""")).Names(HttpStatusCode.UnprocessableEntity, "stream");
        (await api.DeleteAsync("/suppressions/a@b.test?stream=No+Stream")).Names(HttpStatusCode.UnprocessableEntity, "stream");
        (await api.GetAsync("/suppressions/nobody")).Names(HttpStatusCode.UnprocessableEntity, "email");
        (await api.GetAsync("/suppressions/a@b.test")).IsProblem(HttpStatusCode.NotFound);
        (await api.GetAsync("/suppressions?limit=0")).Names(HttpStatusCode.UnprocessableEntity, "limit");
    }

    [Fact]
    public async Task Another_account_sees_nothing_of_it()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var other = await api.KeyAsync("other");
        await api.PostAsync("/suppressions", """{ "email": "ada@there.test" }""");

        (await api.GetAsync("/suppressions/ada@there.test", other)).IsProblem(HttpStatusCode.NotFound);
        (await api.DeleteAsync("/suppressions/ada@there.test", other)).IsProblem(HttpStatusCode.NotFound);
        Assert.Equal("email,reason,since,words,stream\r\n", (await api.GetAsync("/suppressions/export", other)).Text);
    }

    [Fact]
    public async Task A_key_that_only_sends_may_not_look()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var sender = await api.KeyAsync("shop", MessageMode.Live, CredentialScope.Send);

        (await api.GetAsync("/suppressions", sender)).IsProblem(HttpStatusCode.Forbidden);
        (await api.PostAsync("/suppressions", """{ "email": "ada@there.test" }""", sender)).IsProblem(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Broken_lines_of_a_file_are_reported_by_number_and_the_rest_is_taken()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = await api.PostAsync("/suppressions/import", string.Join("\r\n",
            "email,reason,since,words",
            "a@x.test",
            "not an address",
            "b@x.test,bounce,2026-01-31T12:00:00Z,\"550 5.1.1 \"\"No\"\", gone\"",
            "",
            "c@x.test,because",
            "d@x.test,bounce,yesterday",
            "e@x.test,\"open",
            new string('f', 100_000) + "@x.test",
            "A@X.test",
            "g@x.test",
            "h@x.test,unsubscribe,,,news",
            "h@x.test,unsubscribe,,,Not A Stream"));

        Assert.Equal((4, 1, 6), (answer.Json.GetProperty("added").GetInt32(), answer.Json.GetProperty("known").GetInt32(), answer.Json.GetProperty("refused").GetInt32()));
        Assert.Equal([3, 6, 7, 8, 9, 13], answer.Json.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("line").GetInt32()));
        var bounced = await api.GetAsync("/suppressions/b@x.test");
        Assert.Equal(("bounce", "550 5.1.1 \"No\", gone"), (bounced.String("reason"), bounced.String("words")));
        Assert.Equal("news", (await api.GetAsync("/suppressions/h@x.test")).String("stream"));
    }

    [Fact]
    public async Task A_stream_too_many_is_refused_by_its_line_and_by_its_name()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var lines = Enumerable.Range(1, ISuppressionStore.MostStreams + 1).Select(n => $"a@x.test,unsubscribe,,,news-{n}");

        var answer = await api.PostAsync("/suppressions/import", string.Join('\n', lines.Append("b@x.test,unsubscribe,,,news-1").Append("c@x.test")));

        Assert.Equal((1_002, 1), (answer.Json.GetProperty("added").GetInt32(), answer.Json.GetProperty("refused").GetInt32()));
        var error = Assert.Single(answer.Json.GetProperty("errors").EnumerateArray());
        Assert.Equal(1_001, error.GetProperty("line").GetInt32());
        Assert.Contains("1000 streams", error.GetRawText(), StringComparison.Ordinal);
        (await api.PostAsync("/suppressions", """{ "email": "d@x.test", "stream": "more" }""")).Names(HttpStatusCode.UnprocessableEntity, "stream", "1000 streams");
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/suppressions", """{ "email": "d@x.test", "stream": "news-1" }""")).Status);
        Assert.Equal(
            HttpStatusCode.Created,
            (await api.PostAsync("/suppressions", """{ "email": "d@x.test", "stream": "more" }""", await api.KeyAsync("other"))).Status);
    }

    [Fact]
    public async Task What_is_exported_can_be_imported()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var other = await api.KeyAsync("other");
        var lines = Enumerable.Range(0, 2_500).Select(n => $"a{n}@x.test,complaint,2026-01-31T12:00:00Z,\"words, {n}\",{(n % 2 == 0 ? "news" : "")}");
        await api.PostAsync("/suppressions/import", string.Join('\n', lines));

        var exported = await api.GetAsync("/suppressions/export");
        Assert.Equal("text/csv", exported.ContentType);
        var answer = await api.PostAsync("/suppressions/import", exported.Text, other);

        Assert.Equal(2_500, answer.Json.GetProperty("added").GetInt32());
        Assert.Equal(exported.Text, (await api.GetAsync("/suppressions/export", other)).Text);
    }

    [Fact]
    public async Task An_export_that_loses_its_store_breaks_off_and_says_nothing_else_among_the_addresses()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.PostAsync("/suppressions/import", string.Join('\n', Enumerable.Range(0, 1_001).Select(n => $"a{n}@x.test")));
        api.Stores.Suppressions.RefusalBehindFirstPage = new StoreUnavailableException("away");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/suppressions/export");
        // A test key sees none of them: all that is written by then is the line of names.
        request.Headers.Authorization = new("Bearer", await api.KeyAsync("shop", MessageMode.Test));

        // A reset ends it, which may overtake even the first line.
        await Assert.ThrowsAsync<HttpRequestException>(async () =>
        {
            using var answer = await api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
            Assert.Equal((HttpStatusCode.OK, "text/csv"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
            await answer.Content.ReadAsStringAsync(Cancellation);
        });
    }

    [Fact]
    public async Task An_address_that_begins_like_the_line_of_names_is_an_address()
    {
        await using var api = await ApiUnderTest.StartAsync();

        Assert.Equal(1, (await api.PostAsync("/suppressions/import", "email@x.test")).Json.GetProperty("added").GetInt32());
        Assert.Equal(0, (await api.PostAsync("/suppressions/import", "\uFEFFEmail;Reason\n".Replace(';', ','))).Json.GetProperty("refused").GetInt32());
    }

    [Fact]
    public async Task A_test_key_sees_what_it_played_and_none_of_the_accounts_customers()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var test = await api.KeyAsync("shop", MessageMode.Test);
        await api.PostAsync("/suppressions", """{ "email": "ada@there.test" }""");
        await api.PostAsync("/suppressions", """{ "email": "bounce+suppress@simulator.test" }""");

        (await api.GetAsync("/suppressions/ada@there.test", test)).IsProblem(HttpStatusCode.NotFound);
        Assert.Equal("suppressed", (await api.GetAsync("/suppressions/bounce+suppress@simulator.test", test)).String("status"));
        Assert.Equal("bounce+suppress@simulator.test", Assert.Single((await api.GetAsync("/suppressions", test)).Json.GetProperty("items").EnumerateArray()).GetProperty("email").GetString());
        Assert.DoesNotContain("ada@there.test", (await api.GetAsync("/suppressions/export", test)).Text, StringComparison.Ordinal);
        Assert.Contains("ada@there.test", (await api.GetAsync("/suppressions/export")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_of_a_spreadsheet_without_a_line_of_names_keeps_its_first_address()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = await api.PostAsync("/suppressions/import", "\uFEFFada@there.test\r\nbob@there.test\r\n");

        Assert.Equal((2, 0), (answer.Json.GetProperty("added").GetInt32(), answer.Json.GetProperty("refused").GetInt32()));
        Assert.Equal("suppressed", (await api.GetAsync("/suppressions/ada@there.test")).String("status"));
    }
}
