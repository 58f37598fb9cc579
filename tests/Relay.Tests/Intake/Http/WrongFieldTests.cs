using System.Net;
using System.Net.Http.Headers;

namespace Relay.Tests.Intake.Http;

/// <summary>Whoever gets a request wrong is told what is wrong with it, in words that do not have to be guessed at.</summary>
public sealed class WrongFieldTests
{
    [Theory]
    [InlineData("\"subject\": 5", "subject", "must be a text")]
    [InlineData("\"html\": \"\\ud800\"", "html", "must be a text of valid Unicode")]
    [InlineData("\"headers\": []", "headers", "must be an object of texts")]
    [InlineData("\"metadata\": 5", "metadata", "must be an object of texts")]
    [InlineData("\"metadata\": { \"a\": [] }", "metadata.a", "must be a text")]
    [InlineData("\"headers\": { \"X-A\": \"1\", \"X-A\": \"2\" }", "headers.X-A", "stands there twice")]
    [InlineData("\"headers\": { \"List-Unsubscribe\": \"<mailto:a@b.test>\", \"list-unsubscribe\": \"<mailto:c@b.test>\" }", "headers.list-unsubscribe", "twice")]
    [InlineData("\"tags\": {}", "tags", "must be a text, or a list of texts")]
    [InlineData("\"attachments\": {}", "attachments", "must be a list, and stand there once")]
    [InlineData("\"attachments\": [[]]", "attachments[0]", "must be an object")]
    [InlineData("\"attachments\": [{ \"filename\": 5 }]", "attachments[0].filename", "must be a text")]
    [InlineData("\"attachments\": [{ \"url\": \"x\" }]", "attachments[0].url", "is not a field here; there are filename, content, contentType, contentId")]
    [InlineData("\"reply_to\": \"a@b.test\"", "reply_to", "is not a field here; there are from, to, cc, bcc, replyTo, subject")]
    [InlineData("\"From\": \"a@shop.test\"", "From", "is not a field here; there are from, ")]
    [InlineData("\"subject\": \"a\", \"subject\": \"b\"", "subject", "stands there twice")]
    [InlineData("\"cc\": \"a@b.test\", \"cc\": \"c@b.test\"", "cc", "stands there twice")]
    [InlineData("\"bcc\": \"a@b.test, c@b.test\"", "bcc", "several addresses are a list of texts, not one text")]
    [InlineData("\"metadata\": { \"\": \"x\" }", "metadata", "has a key that is not of 1 to 64 characters; a key must not hold a line break")]
    public async Task A_field_of_a_mail_is_named_with_what_it_takes(string member, string field, string words)
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = await api.SendAsync($$"""{ "from": "a@shop.test", "to": "b@there.test", "text": "x", {{member}} }""");

        answer.Names(answer.Status, field, words);
        Assert.True(answer.Status is HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity, answer.Text);
    }

    [Theory]
    [InlineData("/keys", "{ \"name\": \"a\", \"bounceMail\": \"no\" }", "bounceMail", "must be true or false")]
    [InlineData("/keys", "{ \"name\": \"a\", \"expiresAt\": \"tomorrow\" }", "expiresAt", "must be a time like 2030-01-31T08:00:00Z")]
    [InlineData("/keys", "{ \"name\": \"a\", \"scopes\": [] }", "scopes", "leave it out for all of them")]
    [InlineData("/keys", "{ \"name\": \"a\", \"limits\": [] }", "limits", "must be an object, and stand there once")]
    [InlineData("/keys", "{ \"name\": \"a\", \"limits\": { \"perDay\": \"5\" } }", "limits.perDay", "must be a whole number")]
    [InlineData("/keys", "{ \"name\": \"a\", \"limits\": { \"perSecond\": -1 } }", "limits.perSecond", "must be a number from 0.00001 to 1000000")]
    [InlineData("/webhooks", "{ \"url\": \"https://a.test\", \"events\": \"delivered\" }", "events", "must be a list, and stand there once")]
    [InlineData("/suppressions", "{ \"email\": \"nobody\" }", "email", "is not an address: the address has no @")]
    [InlineData("/senders", "{ \"email\": \"nobody\" }", "email", "is not an address: the address has no @")]
    public async Task So_is_one_of_any_other_request(string path, string body, string field, string words)
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = await api.PostAsync(path, body);

        answer.Names(answer.Status, field, words);
        Assert.True(answer.Status is HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity, answer.Text);
    }

    [Fact]
    public async Task A_body_that_is_no_JSON_is_told_so_with_the_place_as_people_count()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var cut = (await api.SendAsync("{\n  \"from\": \"a")).IsProblem(HttpStatusCode.BadRequest);
        var empty = (await api.SendAsync("")).IsProblem(HttpStatusCode.BadRequest);

        Assert.StartsWith("the body cannot be read as JSON: Expected end of string", cut.String("detail"), StringComparison.Ordinal);
        Assert.EndsWith("(line 2, octet 13)", cut.String("detail"), StringComparison.Ordinal);
        Assert.Equal("the body is empty; it must be JSON", empty.String("detail"));
    }

    [Fact]
    public async Task A_charset_where_a_coding_belongs_packs_nothing()
    {
        await using var api = await ApiUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/send")
        {
            Content = new ByteArrayContent("""{ "from": "a@shop.test", "to": "b@there.test", "text": "x" }"""u8.ToArray()),
        };
        request.Content.Headers.TryAddWithoutValidation("Content-Encoding", "utf-8");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", api.Key);

        using var response = await api.Client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("identity, BR")]
    public async Task A_compressed_body_is_told_that_it_is(string coding)
    {
        await using var api = await ApiUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/send") { Content = new ByteArrayContent([0x1f, 0x8b, 8]) };
        request.Content.Headers.TryAddWithoutValidation("Content-Encoding", coding);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", api.Key);

        using var response = await api.Client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Contains("Content-Encoding", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_of_megabytes_is_not_told_back()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var name = new string('k', 2_000_000);

        foreach (var body in new[] { $$"""{"{{name}}":1}""", $$$"""{"metadata":{"{{{name}}}":1}}""", $$$"""{"headers":{"{{{name}}}":"1"}}""", $$"""{"attachments":[{"{{name}}":1}]}""" })
        {
            var answer = (await api.SendAsync(body)).IsProblem(HttpStatusCode.BadRequest);

            Assert.True(answer.Body.Length < 1_000, $"{answer.Body.Length} octets");
        }

        (await api.PostAsync("/send/batch", $$"""[{"{{name}}":1}]""")).IsProblem(HttpStatusCode.BadRequest);
    }

    [Theory]
    [InlineData("attachments", "{}")]
    [InlineData("tags", "\"\"")]
    public async Task A_list_without_end_is_left_off_while_it_is_read(string member, string item)
    {
        await using var api = await ApiUnderTest.StartAsync();
        var many = string.Join(',', Enumerable.Repeat(item, 200_000));

        // What stands behind it is not read any more: else this would be no JSON.
        var answer = await api.SendAsync($$"""{ "from": "a@shop.test", "to": "b@there.test", "text": "x", "{{member}}": [{{many}}""");

        answer.Names(HttpStatusCode.UnprocessableEntity, member, "holds more than 1000");
    }

    [Fact]
    public async Task A_map_without_end_is_left_off_while_it_is_read()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var many = string.Join(',', Enumerable.Range(0, 50_000).Select(i => $"\"{i}\":\"\""));

        foreach (var member in new[] { "headers", "metadata" })
        {
            (await api.SendAsync($$"""{ "from": "a@shop.test", "{{member}}": { {{many}} """)).Names(HttpStatusCode.UnprocessableEntity, member, "more than 1000 entries");
        }
    }

    [Fact]
    public async Task A_key_that_was_another_mails_is_told_so_once()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.SendAsync("""{ "from": "a@shop.test", "to": "b@there.test", "text": "x" }""", ("Idempotency-Key", "order-7"));

        var other = await api.SendAsync("""{ "from": "a@shop.test", "to": "b@there.test", "text": "y" }""", ("Idempotency-Key", "order-7"));

        Assert.Equal("Idempotency-Key was used for another message within the last 24 hours", other.IsProblem(HttpStatusCode.UnprocessableEntity).String("detail"));
    }
}
