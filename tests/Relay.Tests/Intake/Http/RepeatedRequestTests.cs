using System.Net;
using System.Text;
using Relay.Intake.Http.Repeating;

namespace Relay.Tests.Intake.Http;

/// <summary>The header Idempotency-Key on requests that send no mail.</summary>
public sealed class RepeatedRequestTests
{
    private static readonly (string, string) Key = ("Idempotency-Key", "one");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_POST_with_a_key_takes_it()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var paths = (await api.GetAsync("/openapi/v1.json")).Json.GetProperty("paths");

        var posts = paths.EnumerateObject()
            .Where(path => path.Value.TryGetProperty("post", out var post) && post.TryGetProperty("security", out _))
            .ToDictionary(path => path.Name, path => path.Value.GetProperty("post"));

        Assert.Contains("/send", posts.Keys);
        Assert.True(posts.Count > 10);
        Assert.All(posts, post => Assert.Contains(
            post.Value.GetProperty("parameters").EnumerateArray(), parameter => parameter.GetProperty("name").GetString() == "Idempotency-Key"));
    }

    [Fact]
    public async Task A_key_that_is_asked_for_twice_is_made_once_and_told_twice()
    {
        await using var api = await ApiUnderTest.StartAsync();
        const string Wish = """{ "name": "shop" }""";

        var first = await api.PostAsync("/keys", Wish, null, Key);
        var second = await api.PostAsync("/keys", Wish, null, Key);

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.Created), (first.Status, second.Status));
        Assert.Equal(first.Text, second.Text);
        Assert.Equal((first.ContentType, "true"), (second.ContentType, second.Headers["Idempotent-Replayed"]));
        Assert.False(first.Headers.ContainsKey("Idempotent-Replayed"));
        // Its own, and the one that was made.
        Assert.Equal(2, (await api.Stores.Accounts.ListCredentialsAsync("shop", Cancellation)).Count);
    }

    [Fact]
    public async Task What_is_shown_once_does_not_stand_in_the_store_for_whoever_reads_it()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var made = (await api.PostAsync("/keys", """{ "name": "shop" }""", null, Key)).String("key");
        var secret = (await api.PostAsync("/routes", """{ "match": "help.shop.test", "webhook": "https://shop.test/mail" }""", null, ("Idempotency-Key", "two"))).String("secret");

        var signing = (await api.PostAsync("/webhooks", """{ "url": "https://shop.test/events" }""", null, ("Idempotency-Key", "three"))).String("secret");

        Assert.Equal(3, api.Stores.Answers.Answers.Count());
        Assert.All(api.Stores.Answers.Answers, kept =>
        {
            foreach (var hidden in new[] { made, secret, signing })
            {
                Assert.NotEmpty(hidden);
                Assert.Equal(-1, kept.AsSpan().IndexOf(Encoding.UTF8.GetBytes(hidden)));
                Assert.Equal(-1, kept.AsSpan().IndexOf(Encoding.ASCII.GetBytes(Convert.ToBase64String(Encoding.UTF8.GetBytes(hidden))[..16])));
            }
        });
    }

    /// <summary>A preview may be megabytes, and costs its account nothing of what it may send.</summary>
    [Fact]
    public async Task What_changes_nothing_is_done_again_and_not_kept()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var template = (await api.PostAsync("/templates", """{ "name": "a", "text": "{{who}}" }""")).String("id");

        var first = await api.PostAsync($"/templates/{template}/preview", """{ "variables": { "who": "Ada" } }""", null, Key);
        var second = await api.PostAsync($"/templates/{template}/preview", """{ "variables": { "who": "Ada" } }""", null, Key);

        Assert.Equal((HttpStatusCode.OK, "Ada"), (first.Status, first.String("text")));
        Assert.Equal((HttpStatusCode.OK, first.Text), (second.Status, second.Text));
        Assert.Empty(api.Stores.Answers.Answers);
    }

    [Fact]
    public async Task With_another_body_or_at_another_path_it_is_a_mistake()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.PostAsync("/queue/suspensions", """{ "domain": "one.test", "reason": "x" }""", null, Key);

        (await api.PostAsync("/queue/suspensions", """{ "domain": "two.test", "reason": "x" }""", null, Key)).Names(HttpStatusCode.UnprocessableEntity, "Idempotency-Key");
        (await api.PostAsync("/queue/suspensions?preview=true", """{ "domain": "one.test", "reason": "x" }""", null, Key)).Names(HttpStatusCode.UnprocessableEntity, "Idempotency-Key");
        (await api.PostAsync("/queue/bounce", """{ "domain": "one.test", "reason": "x" }""", null, Key)).Names(HttpStatusCode.UnprocessableEntity, "Idempotency-Key");
        Assert.Single((await api.GetAsync("/queue/suspensions")).Json.GetProperty("items").EnumerateArray());
    }

    [Fact]
    public async Task While_the_first_one_runs_the_second_is_told_when_to_come_again()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var caller = Assert.Single(await api.Stores.Accounts.ListCredentialsAsync("shop", Cancellation));
        var run = Guid.NewGuid();
        Assert.Null(await api.Stores.Answers.TryBeginAsync("shop", OnceOnly.NameOf(caller, "one"), run, TimeSpan.FromMinutes(1), Cancellation));

        var answer = (await api.PostAsync("/keys", """{ "name": "shop" }""", null, Key)).IsProblem(HttpStatusCode.Conflict);

        Assert.Equal("1", answer.Headers["Retry-After"]);
        await api.Stores.Answers.GiveUpAsync("shop", OnceOnly.NameOf(caller, "one"), run, Cancellation);
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/keys", """{ "name": "shop" }""", null, Key)).Status);
    }

    [Fact]
    public async Task Of_many_at_once_one_is_done()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => api.PostAsync("/accounts", """{ "name": "new" }""", ApiUnderTest.AdminKey, Key)));

        Assert.All(answers, answer => Assert.True(answer.Status is HttpStatusCode.Created or HttpStatusCode.Conflict, answer.Text));
        Assert.Single(answers.Where(answer => answer.Status == HttpStatusCode.Created).Select(answer => answer.String("id")).Distinct());
        Assert.Single((await api.GetAsync("/accounts", ApiUnderTest.AdminKey)).Json.GetProperty("items").EnumerateArray(), account => account.GetProperty("name").GetString() == "new");
    }

    [Fact]
    public async Task What_was_refused_or_failed_is_no_answer_to_repeat()
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.PostAsync("/keys", """{ "name": "" }""", null, Key)).IsProblem(HttpStatusCode.UnprocessableEntity);
        (await api.PostAsync("/keys", "no JSON", null, Key)).IsProblem(HttpStatusCode.BadRequest);

        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/keys", """{ "name": "shop" }""", null, Key)).Status);
        (await api.PostAsync("/keys", """{ "name": "shop" }""", null, ("Idempotency-Key", "two words"))).Names(HttpStatusCode.UnprocessableEntity, "Idempotency-Key");
    }

    [Fact]
    public async Task After_a_day_it_is_a_new_request()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var first = await api.PostAsync("/keys", """{ "name": "shop" }""", null, Key);

        api.Stores.Time.Advance(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(1));
        Assert.Equal(first.Text, (await api.PostAsync("/keys", """{ "name": "shop" }""", null, Key)).Text);
        api.Stores.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.NotEqual(first.String("id"), (await api.PostAsync("/keys", """{ "name": "shop" }""", null, Key)).String("id"));
    }

    [Fact]
    public async Task What_one_key_names_is_nobody_elses()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var (colleague, stranger) = (await api.KeyAsync("shop"), await api.KeyAsync("stranger"));
        const string Wish = """{ "name": "shop" }""";
        var first = await api.PostAsync("/keys", Wish, null, Key);

        foreach (var other in new[] { colleague, stranger })
        {
            var answer = await api.PostAsync("/keys", Wish, other, Key);

            Assert.Equal(HttpStatusCode.Created, answer.Status);
            Assert.NotEqual(first.String("key"), answer.String("key"));
        }
    }

    [Fact]
    public async Task A_list_is_taken_once_however_large()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var list = string.Concat(Enumerable.Range(0, 10_000).Select(i => $"user{i}@there.test\r\n"));

        var first = await api.PostAsync("/suppressions/import", list, null, Key);
        var second = await api.PostAsync("/suppressions/import", list, null, Key);

        Assert.Equal(10_000, first.Json.GetProperty("added").GetInt32());
        Assert.Equal(first.Text, second.Text);
        (await api.PostAsync("/suppressions/import", list + "one@there.test\r\n", null, Key)).Names(HttpStatusCode.UnprocessableEntity, "Idempotency-Key");
    }

    [Fact]
    public async Task A_request_without_a_body_is_repeated_as_well()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var first = await api.PostAsync("/tokens/rotate", "", ApiUnderTest.AdminKey, Key);
        var second = await api.PostAsync("/tokens/rotate", "", ApiUnderTest.AdminKey, Key);

        Assert.Equal((HttpStatusCode.Created, first.Text), (second.Status, second.Text));
    }
}
