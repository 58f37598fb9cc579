using System.Net;
using System.Text.Json;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;

namespace Relay.Tests.Intake.Http;

public sealed class TemplateTests
{
    private const string Welcome = """{ "name": "Welcome", "subject": "Hello {{name}}", "text": "Hi {{name}}", "html": "<p>{{name}}</p>" }""";

    [Fact]
    public async Task A_template_is_made_shown_listed_changed_and_removed()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var made = await api.PostAsync("/templates", Welcome);
        var id = made.String("id");
        api.Stores.Time.Advance(TimeSpan.FromHours(1));
        var changed = await api.PutAsync($"/templates/{id}", """{ "name": "Welcome back", "html": "<b>{{name}}</b>", "strict": true }""");
        var shown = await api.GetAsync($"/templates/{id}");
        var listed = (await api.GetAsync("/templates")).Json.GetProperty("items")[0];

        Assert.Equal((HttpStatusCode.Created, $"/templates/{id}"), (made.Status, made.Headers["Location"]));
        Assert.Equal(("Welcome", "Hello {{name}}", "Hi {{name}}", "<p>{{name}}</p>"), (made.String("name"), made.String("subject"), made.String("text"), made.String("html")));
        Assert.Equal((1, false), (made.Json.GetProperty("version").GetInt32(), made.Json.GetProperty("strict").GetBoolean()));
        Assert.Equal((HttpStatusCode.OK, shown.Text), (changed.Status, changed.Text));
        Assert.Equal((2, true), (shown.Json.GetProperty("version").GetInt32(), shown.Json.GetProperty("strict").GetBoolean()));
        Assert.False(shown.Json.TryGetProperty("text", out _));
        Assert.Equal(made.Json.GetProperty("createdAt").GetDateTimeOffset().AddHours(1), shown.Json.GetProperty("changedAt").GetDateTimeOffset());
        Assert.Equal("Welcome back", listed.GetProperty("name").GetString());
        Assert.False(listed.TryGetProperty("html", out _));

        Assert.Equal(HttpStatusCode.NoContent, (await api.DeleteAsync($"/templates/{id}")).Status);
        (await api.GetAsync($"/templates/{id}")).IsProblem(HttpStatusCode.NotFound);
        (await api.DeleteAsync($"/templates/{id}")).IsProblem(HttpStatusCode.NotFound);
        (await api.PutAsync($"/templates/{id}", Welcome)).IsProblem(HttpStatusCode.NotFound);
        (await api.PostAsync($"/templates/{id}/preview", "{}")).IsProblem(HttpStatusCode.NotFound);
        Assert.Equal(0, (await api.GetAsync("/templates")).Json.GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task A_list_goes_on_where_its_page_ended()
    {
        await using var api = await ApiUnderTest.StartAsync();
        for (var i = 0; i < 5; i++)
        {
            await api.PostAsync("/templates", Welcome);
        }

        var first = await api.GetAsync("/templates?limit=3");
        var second = await api.GetAsync($"/templates?limit=3&cursor={first.String("next")}");

        Assert.Equal(5, first.Json.GetProperty("items").EnumerateArray().Concat(second.Json.GetProperty("items").EnumerateArray())
            .Select(template => template.GetProperty("id").GetString()).Distinct().Count());
        Assert.Equal(JsonValueKind.Null, second.Json.GetProperty("next").ValueKind);
        (await api.GetAsync("/templates?cursor=x")).Names(HttpStatusCode.UnprocessableEntity, "cursor");
    }

    [Theory]
    [InlineData("""{ "text": "x" }""", "name", "must be 1 to 100")]
    [InlineData("""{ "name": "a\nb", "text": "x" }""", "name", "")]
    [InlineData("""{ "name": "a", "subject": "x" }""", "text", "is missing")]
    [InlineData("""{ "name": "a", "text": "x", "subject": "x\r\nBcc: y@there.test" }""", "subject", "must not hold a line break")]
    [InlineData("""{ "name": "a", "text": "x", "subject": "{{#if a}}" }""", "subject", "is wrong in line 1, column 1: the block 'if' is not closed")]
    [InlineData("""{ "name": "a", "text": "x\n {{/each}}" }""", "text", "is wrong in line 2, column 2: there is no open block 'each'")]
    [InlineData("""{ "name": "a", "html": "<p>\n<p>{{> footer}}" }""", "html", "is wrong in line 2, column 6: other templates cannot be put in")]
    public async Task What_is_wrong_is_named_with_its_place(string json, string field, string words)
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.PostAsync("/templates", Welcome)).String("id");

        (await api.PostAsync("/templates", json)).Names(HttpStatusCode.UnprocessableEntity, field, words);
        (await api.PutAsync($"/templates/{id}", json)).Names(HttpStatusCode.UnprocessableEntity, field, words);
        Assert.Equal(1, (await api.GetAsync($"/templates/{id}")).Json.GetProperty("version").GetInt32());
    }

    [Fact]
    public async Task Size_and_number_have_an_end()
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.PostAsync("/templates", JsonSerializer.Serialize(new { name = "a", html = new string('<', (256 * 1024) + 1) }))).Names(HttpStatusCode.UnprocessableEntity, "html", "longer than");
        (await api.PostAsync("/templates", JsonSerializer.Serialize(new { name = "a", text = "x", subject = new string('x', 2_001) }))).Names(HttpStatusCode.UnprocessableEntity, "subject", "longer than");
        (await api.PostAsync("/templates", JsonSerializer.Serialize(new { name = new string('x', 10_000_000) }))).IsProblem(HttpStatusCode.RequestEntityTooLarge);
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/templates", JsonSerializer.Serialize(new { name = "a", html = new string('<', 256 * 1024), text = new string('<', 256 * 1024) }))).Status);
        for (var i = 1; i < 500; i++)
        {
            Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/templates", Welcome)).Status);
        }

        Assert.Contains("500 templates", (await api.PostAsync("/templates", Welcome)).IsProblem(HttpStatusCode.UnprocessableEntity).String("detail"), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/templates", Welcome, await api.KeyAsync("other"))).Status);
    }

    [Fact]
    public async Task A_preview_shows_what_would_be_written_and_sends_nothing()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.PostAsync("/templates", """{ "name": "a", "subject": "{{order.number}} & {{who}}", "html": "<p>{{who}}{{#each lines}}<br>{{this}}{{/each}}</p>{{gone}}" }""")).String("id");

        var seen = await api.PostAsync($"/templates/{id}/preview", """{ "variables": { "order": { "number": 7 }, "who": "<Ada>", "lines": ["a", 2] } }""", await api.KeyAsync("shop", MessageMode.Live, CredentialScope.Read));
        var bare = await api.PostAsync($"/templates/{id}/preview", "{}");

        Assert.Equal((HttpStatusCode.OK, "7 & <Ada>"), (seen.Status, seen.String("subject")));
        Assert.Equal("<p>&lt;Ada&gt;<br>a<br>2</p>", seen.String("html"));
        Assert.False(seen.Json.TryGetProperty("text", out _));
        Assert.Equal("""["gone"]""", seen.Json.GetProperty("missing").GetRawText());
        Assert.Equal("""["order.number","who","gone"]""", bare.Json.GetProperty("missing").GetRawText());
        (await api.PostAsync($"/templates/{id}/preview", """{ "variables": [] }""")).Names(HttpStatusCode.UnprocessableEntity, "variables", "must be an object");
        Assert.Empty(api.Stores.Queue.Accepted);
    }

    [Fact]
    public async Task An_account_has_so_many_previews_in_a_minute_whichever_key_asks()
    {
        await using var api = await ApiUnderTest.StartAsync(("Limits:PreviewsPerMinute", "3"));
        var id = (await api.PostAsync("/templates", Welcome)).String("id");
        var (second, other) = (await api.KeyAsync("shop"), await api.KeyAsync("other"));
        var others = (await api.PostAsync("/templates", Welcome, other)).String("id");

        for (var n = 0; n < 3; n++)
        {
            Assert.Equal(HttpStatusCode.OK, (await api.PostAsync($"/templates/{id}/preview", "{}")).Status);
        }

        var refused = (await api.PostAsync($"/templates/{id}/preview", "{}", second)).IsProblem(HttpStatusCode.TooManyRequests);
        Assert.Equal("20", refused.Headers["Retry-After"]);
        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync($"/templates/{others}/preview", "{}", other)).Status);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync($"/templates/{id}")).Status);

        api.Stores.Time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync($"/templates/{id}/preview", "{}", second)).Status);
    }

    [Fact]
    public async Task Each_scope_may_its_part()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.PostAsync("/templates", Welcome)).String("id");
        var (send, read) = (await api.KeyAsync("shop", MessageMode.Live, CredentialScope.Send), await api.KeyAsync("shop", MessageMode.Live, CredentialScope.Read));

        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync($"/templates/{id}", read)).Status);
        (await api.GetAsync("/templates", send)).IsProblem(HttpStatusCode.Forbidden);
        (await api.PostAsync("/templates", Welcome, read)).IsProblem(HttpStatusCode.Forbidden);
        (await api.PutAsync($"/templates/{id}", Welcome, read)).IsProblem(HttpStatusCode.Forbidden);
        (await api.DeleteAsync($"/templates/{id}", send)).IsProblem(HttpStatusCode.Forbidden);
        Assert.Equal(HttpStatusCode.Accepted, (await api.PostAsync("/send", $$"""{ "from": "a@shop.test", "to": "b@there.test", "template": "{{id}}" }""", send)).Status);
    }

    [Fact]
    public async Task What_is_made_with_a_key_of_its_own_is_made_once()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var first = await api.PostAsync("/templates", Welcome, null, ("Idempotency-Key", "welcome"));
        var second = await api.PostAsync("/templates", Welcome, null, ("Idempotency-Key", "welcome"));

        Assert.Equal(first.Text, second.Text);
        Assert.Equal(1, (await api.GetAsync("/templates")).Json.GetProperty("items").GetArrayLength());
    }
}
