using System.Net;
using System.Text;
using System.Text.Json;
using MimeKit;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Tests.Intake.Http;

public sealed class SendTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_is_accepted_with_its_id_and_its_recipients()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = await api.SendAsync("""
            { "from": "Shop <orders@shop.test>", "to": ["A <a@there.test>", {"email": "b@there.test", "name": "Bé"}, "a@there.test"],
              "cc": "c@there.test", "bcc": ["d@there.test"], "replyTo": "help@shop.test", "subject": "Grüße", "text": "Hi", "html": "<p>Hi</p>",
              "headers": {"X-Order": "42"}, "tags": ["order"], "metadata": {"order": "42"}, "class": "bulk", "stream": "news" }
            """);

        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        var message = Assert.Single(api.Stores.Queue.Accepted);
        Assert.Equal(message.Id.ToString(), answer.String("id"));
        Assert.Equal($"/messages/{message.Id}", answer.Headers["Location"]);
        Assert.Equal($"{message.Id}@shop.test", answer.String("messageId"));
        Assert.Equal("queued", answer.String("status"));
        Assert.Equal(
            """[{"email":"a@there.test","status":"queued"},{"email":"b@there.test","status":"queued"},{"email":"c@there.test","status":"queued"},{"email":"d@there.test","status":"queued"}]""",
            answer.Json.GetProperty("recipients").GetRawText());

        Assert.Equal(["a@there.test", "b@there.test", "c@there.test", "d@there.test"], message.Envelope.Recipients.Select(r => r.Address.Text));
        Assert.Equal("orders@shop.test", message.Envelope.Sender?.Text);
        Assert.Equal((MessageClass.Bulk, "news"), (message.Class, message.Stream));
        Assert.Equal(["order"], message.Tags);
        Assert.Equal("42", message.Metadata["order"]);
        Assert.Equal("shop", message.Account);
        Assert.False(message.ReportsFailures);
        Assert.Equal("Grüße", message.Subject);
        Assert.Equal($"{message.Id}@shop.test", message.MessageIdHeader);

        var mail = Parse(message);
        Assert.Equal(["A", "Bé", ""], mail.To.Mailboxes.Select(box => box.Name ?? ""));
        Assert.Equal("42", mail.Headers["X-Order"]);
        Assert.DoesNotContain("d@there.test", Encoding.UTF8.GetString(message.Content.Head.Span), StringComparison.Ordinal);
        Assert.Empty(mail.Bcc);
    }

    [Fact]
    public async Task A_blind_copy_alone_is_enough()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = await api.SendAsync("""{ "from": "orders@shop.test", "bcc": "d@there.test", "text": "" }""");

        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        Assert.Equal("d@there.test", Assert.Single(api.Stores.Queue.Accepted).Envelope.Recipients.Single().Address.Text);
    }

    [Fact]
    public async Task A_large_message_stands_in_chunks_and_a_refused_one_leaves_none()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var octets = new byte[1_000_000];
        Random.Shared.NextBytes(octets);
        object file = new { filename = "a.bin", content = octets };

        await api.SendWithAsync(("attachments", new[] { file }));
        var message = Assert.Single(api.Stores.Queue.Accepted);
        var kept = api.Stores.Contents.Count;
        api.Stores.Queue.Refusal = new EnqueueResult.StoreFull("80 %");
        var refused = await api.SendWithAsync(("attachments", new[] { file }));

        Assert.Equal(kept, message.Content.Chunks);
        Assert.Equal(kept, api.Stores.Contents.Count);
        refused.IsProblem(HttpStatusCode.ServiceUnavailable);
        using var content = new MemoryStream();
        content.Write(message.Content.Head.Span);
        await foreach (var chunk in api.Stores.Contents.ReadChunksAsync(message, Cancellation))
        {
            content.Write(chunk.Span);
        }

        Assert.Equal(message.Content.Length, content.Length);
        content.Position = 0;
        using var decoded = new MemoryStream();
        MimeMessage.Load(content, Cancellation).BodyParts.OfType<MimePart>().Single(part => part.IsAttachment).Content!.DecodeTo(decoded, Cancellation);
        Assert.Equal(octets, decoded.ToArray());
    }

    [Fact]
    public async Task A_message_waits_until_it_is_to_be_sent_and_its_life_counts_from_then()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var now = api.Stores.Time.GetUtcNow();

        await api.SendWithAsync(("sendAt", "2026-03-01T15:00:00+02:00"), ("expiresIn", "PT10M"));
        await api.SendWithAsync(("expiresIn", "00:10:00"));
        await api.SendWithAsync(("sendAt", "2020-01-01T00:00:00Z"), ("expiresIn", "PT10M"));

        Assert.Equal([now.AddHours(1), now, now], api.Stores.Queue.Accepted.Select(m => m.DueAt));
        Assert.Equal([now.AddHours(1).AddMinutes(10), now.AddMinutes(10), now.AddMinutes(10)], api.Stores.Queue.Accepted.Select(m => m.ExpiresAt));
    }

    [Theory]
    [InlineData("required", TlsDemand.Verified)]
    [InlineData("requiretls", TlsDemand.RequireTls)]
    public async Task A_message_carries_what_it_demands_of_the_way(string tls, TlsDemand demand)
    {
        await using var api = await ApiUnderTest.StartAsync();

        await api.SendWithAsync(("tls", tls));
        (await api.SendWithAsync(("tls", "sometimes"))).Names(HttpStatusCode.UnprocessableEntity, "tls");

        Assert.Equal(demand, Assert.Single(api.Stores.Queue.Accepted).Envelope.Tls);
    }

    [Fact]
    public async Task An_internationalised_recipient_asks_for_no_more_than_it_needs()
    {
        await using var api = await ApiUnderTest.StartAsync();

        await api.SendWithAsync(("to", "info@bücher.test"));
        await api.SendWithAsync(("to", "\"a b\"@there.test"));
        await api.SendWithAsync(("to", "grün@bücher.test"));
        await api.SendWithAsync(("bcc", "grün@bücher.test"));

        Assert.Equal([false, false, true, true], api.Stores.Queue.Accepted.Select(m => m.Envelope.SmtpUtf8));
        Assert.Equal([false, false, true, false], api.Stores.Queue.Accepted.Select(m => m.Content.HasEightBitHeader));
        Assert.Equal("xn--bcher-kva.test", api.Stores.Queue.Accepted[0].Envelope.Recipients[0].Address.Domain);
        Assert.Equal("\"a b\"@there.test", api.Stores.Queue.Accepted[1].Envelope.Recipients[0].Address.Text);
    }

    [Theory]
    [InlineData("""{ "from": "a@shop.test", "bbc": "x@there.test" }""", "bbc")]
    [InlineData("""{ "from": "a@shop.test", "To": "x@there.test" }""", "To")]
    [InlineData("""{ "from": "a@shop.test", "templates": "welcome" }""", "templates")]
    [InlineData("""{ "from": "a@shop.test", "from": "b@shop.test" }""", "from")]
    [InlineData("""{ "attachments": [{ "filename": "a", "kontent": "" }] }""", "attachments[0].kontent")]
    [InlineData("""{ "attachments": [{ "filename": "a", "filename": "b" }] }""", "attachments[0].filename")]
    [InlineData("""{ "metadata": { "a": "1", "a": "2" } }""", "metadata.a")]
    public async Task A_field_that_is_unknown_or_doubled_is_refused_by_name(string json, string field)
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.SendAsync(json)).Names(HttpStatusCode.BadRequest, field);
        Assert.Empty(api.Stores.Queue.Accepted);
    }

    [Theory]
    [InlineData("""{ "to": 1 }""", "to")]
    [InlineData("""{ "to": ["a@there.test", 1] }""", "to[1]")]
    [InlineData("""{ "to": ["a@there.test", {"name": "B"}] }""", "to[1]")]
    [InlineData("""{ "to": [{"email": "b@there.test", "nam": "B"}] }""", "to[0]")]
    [InlineData("""{ "to": [{"email": 1}] }""", "to[0].email")]
    [InlineData("""{ "to": [null] }""", "to[0]")]
    [InlineData("""{ "from": ["a@shop.test"] }""", "from")]
    [InlineData("""{ "subject": 1 }""", "subject")]
    [InlineData("""{ "subject": "\ud800" }""", "subject")]
    [InlineData("""{ "headers": { "X-A": 1 } }""", "headers.X-A")]
    [InlineData("""{ "tags": [1] }""", "tags[0]")]
    [InlineData("""{ "attachments": [{ "filename": "a", "content": "not base64!" }] }""", "attachments[0].content")]
    [InlineData("""{ "attachments": [{ "filename": "a", "content": 5 }] }""", "attachments[0].content")]
    public async Task A_value_of_the_wrong_kind_is_refused_by_name(string json, string field)
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.SendAsync(json)).Names(HttpStatusCode.UnprocessableEntity, field);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("{")]
    [InlineData("{ \"from\": \"a@shop.test\", }")]
    [InlineData("{} {}")]
    [InlineData("from=a@shop.test")]
    public async Task What_is_not_an_object_of_JSON_is_a_bad_request(string body)
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.SendAsync(body)).IsProblem(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Everything_that_is_wrong_is_named_at_once()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = await api.SendAsync("""
            { "from": "nobody", "to": ["a@there.test", "there.test", "a@there.test, b@there.test"], "class": "fast", "stream": "A List", "sendAt": "tomorrow",
              "expiresIn": "10", "headers": {"Bcc": "x@there.test", "Content-Type": "text/html", "DKIM-Signature": "x", "X Y": "1"},
              "attachments": [{"content": ""}, {"filename": "a"}, {"filename": "a", "content": "", "contentType": "multipart/mixed"},
                {"filename": "a", "content": "", "contentId": "a b"}, null] }
            """);

        answer.IsProblem(HttpStatusCode.UnprocessableEntity);
        Assert.Equal(
            [
                "attachments[0].filename", "attachments[1].content", "attachments[2].contentType", "attachments[3].contentId", "attachments[4]",
                "class", "expiresIn", "from", "headers.Bcc", "headers.Content-Type", "headers.DKIM-Signature", "headers.X Y", "sendAt", "stream", "text", "to[1]", "to[2]",
            ],
            answer.Json.GetProperty("errors").EnumerateObject().Select(error => error.Name).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("P")]
    [InlineData("PT0S")]
    [InlineData("-PT10M")]
    [InlineData("P99999999999D")]
    [InlineData("P31D")]
    [InlineData("10")]
    public async Task A_life_that_is_none_is_refused(string expiresIn)
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.SendWithAsync(("expiresIn", expiresIn))).Names(HttpStatusCode.UnprocessableEntity, "expiresIn");
    }

    [Fact]
    public async Task Nobody_and_too_many_are_refused()
    {
        await using var api = await ApiUnderTest.StartAsync(("Submission:MaxRecipients", "100"));

        (await api.SendWithAsync(("to", null))).Names(HttpStatusCode.UnprocessableEntity, "to", "is missing");
        (await api.SendWithAsync(("to", Array.Empty<string>()))).Names(HttpStatusCode.UnprocessableEntity, "to", "is missing");
        (await api.SendWithAsync(("to", Enumerable.Range(0, 60).Select(i => $"u{i}@there.test")), ("bcc", Enumerable.Range(0, 41).Select(i => $"v{i}@there.test"))))
            .Names(HttpStatusCode.UnprocessableEntity, "to", "101 recipients");
        Assert.Equal(HttpStatusCode.Accepted, (await api.SendWithAsync(("to", Enumerable.Range(0, 100).Select(i => $"u{i}@there.test")))).Status);
    }

    [Fact]
    public async Task A_domain_that_is_not_verified_is_forbidden_and_says_what_to_do()
    {
        await using var api = await ApiUnderTest.StartAsync(("Http:PublicUrl", "https://relay.example"));

        (await api.SendWithAsync(("from", "ceo@bank.test")))
            .Names(HttpStatusCode.Forbidden, "from", "domain bank.test is not verified for this account; verify it with POST https://relay.example/domains");
    }

    [Fact]
    public async Task Who_has_no_key_or_no_scope_is_turned_away()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var reader = await api.KeyAsync("shop", MessageMode.Live, CredentialScope.Read);
        using var anonymous = await api.Client.PostAsync("/send", new StringContent("{}"), Cancellation);

        Assert.Equal(HttpStatusCode.Unauthorized, anonymous.StatusCode);
        Assert.Equal("Bearer", anonymous.Headers.WwwAuthenticate.ToString());
        (await api.PostAsync("/send", "{}", "rk_live_wrong")).IsProblem(HttpStatusCode.Unauthorized);
        (await api.PostAsync("/send", "{}", reader)).IsProblem(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task A_store_that_is_full_or_away_asks_to_come_again()
    {
        await using var api = await ApiUnderTest.StartAsync();

        api.Stores.Queue.Refusal = new EnqueueResult.StoreUnavailable("away");
        Assert.Equal("10", (await api.SendWithAsync()).IsProblem(HttpStatusCode.ServiceUnavailable).Headers["Retry-After"]);

        api.Stores.Contents.Refusal = new StoreUnavailableException("away");
        object large = new { filename = "a", content = new byte[300_000] };
        (await api.SendWithAsync(("attachments", new[] { large }))).IsProblem(HttpStatusCode.ServiceUnavailable);

        api.Stores.Accounts.Refusal = new StoreUnavailableException("away");
        (await api.PostAsync("/send", "{}", "rk_live_unknown")).IsProblem(HttpStatusCode.ServiceUnavailable);
    }

    [Fact]
    public async Task A_repeated_request_gets_the_first_answer()
    {
        await using var api = await ApiUnderTest.StartAsync();
        const string Body = """{ "from": "orders@shop.test", "to": ["a@there.test", "a@there.test"], "text": "Hi" }""";

        var first = await api.SendAsync(Body, ("Idempotency-Key", "order-1"));
        var second = await api.SendAsync(Body, ("Idempotency-Key", "order-1"));
        var other = await api.SendAsync(Body.Replace("Hi", "Ho", StringComparison.Ordinal), ("Idempotency-Key", "order-1"));
        var free = await api.SendAsync(Body, ("Idempotency-Key", "order-2"));

        Assert.Equal(HttpStatusCode.Accepted, second.Status);
        Assert.Equal(first.Text, second.Text);
        Assert.False(first.Headers.ContainsKey("Idempotent-Replayed"));
        Assert.Equal("true", second.Headers["Idempotent-Replayed"]);
        other.Names(HttpStatusCode.UnprocessableEntity, "Idempotency-Key");
        Assert.NotEqual(first.String("id"), free.String("id"));
        Assert.Equal(2, api.Stores.Queue.Accepted.Count);
        Assert.Equal(new IdempotencyKey("order-1", "").SlotFor("shop"), api.Stores.Queue.Accepted[0].Id.Slot);
    }

    [Fact]
    public async Task An_idempotency_key_is_its_accounts_own()
    {
        await using var api = await ApiUnderTest.StartAsync(("Bootstrap:RequireVerifiedDomains", "false"));
        var stranger = await api.KeyAsync("stranger");
        const string Body = """{ "from": "orders@shop.test", "to": "a@there.test", "text": "Hi" }""";

        var ours = await api.SendAsync(Body, ("Idempotency-Key", "order-1"));
        var theirs = await api.PostAsync("/send", Body, stranger, ("Idempotency-Key", "order-1"));

        Assert.NotEqual(ours.String("id"), theirs.String("id"));
        (await api.SendAsync(Body, ("Idempotency-Key", "a b"))).Names(HttpStatusCode.UnprocessableEntity, "Idempotency-Key");
        (await api.SendAsync(Body, ("Idempotency-Key", new string('x', 256)))).Names(HttpStatusCode.UnprocessableEntity, "Idempotency-Key");
    }

    private static MimeMessage Parse(Message message) =>
        MimeMessage.Load(new MemoryStream([.. message.Content.Prologue.Span, .. message.Content.Head.Span]), Cancellation);
}
