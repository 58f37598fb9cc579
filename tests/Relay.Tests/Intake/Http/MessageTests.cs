using System.Net;
using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.Tests.Intake.Http;

public sealed class MessageTests
{
    [Fact]
    public async Task The_dialogues_of_a_message_are_for_its_account_alone()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.SendWithAsync(("to", "ada@there.test"));
        var message = Assert.Single(api.Stores.Queue.Accepted).Id;
        await api.Stores.Transcripts.AppendAsync(
            new Transcript
            {
                Message = message,
                Time = api.Stores.Time.GetUtcNow(),
                Attempt = 2,
                Domain = "there.test",
                Lines = [new TranscriptLine(api.Stores.Time.GetUtcNow(), TranscriptVoice.Them, "550 no")],
            },
            TimeSpan.FromDays(1),
            TestContext.Current.CancellationToken);
        var stranger = await api.KeyAsync("stranger");

        var own = await api.GetAsync($"/messages/{message}/transcripts");
        var foreign = await api.GetAsync($"/messages/{message}/transcripts", stranger);

        var transcript = own.Json.GetProperty("items")[0];
        Assert.Equal((2, "there.test"), (transcript.GetProperty("attempt").GetInt32(), transcript.GetProperty("domain").GetString()));
        Assert.Equal(("them", "550 no"), (transcript.GetProperty("lines")[0].GetProperty("voice").GetString(), transcript.GetProperty("lines")[0].GetProperty("text").GetString()));
        Assert.Equal(HttpStatusCode.NotFound, foreign.Status);
    }

    [Fact]
    public async Task A_message_tells_how_each_recipient_stands_and_all_that_happened()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var now = api.Stores.Time.GetUtcNow();
        var id = MessageId.Parse((await api.SendWithAsync(("to", new[] { "a@there.test", "b@there.test", "c@there.test" }), ("tags", "order"))).String("id"));
        var attempt = new MailEvent
        {
            Time = now, Type = MailEventType.Delivered, Message = id, Account = "shop", Recipient = "a@there.test", Attempt = 1, Host = "mx.there.test",
            Address = "192.0.2.1:25", Tls = "TLS1.3 TLS_AES_256_GCM_SHA384", Reply = "250 2.0.0 Ok: queued as 17",
        };
        api.Stores.Queue.Activity.Add(attempt);
        api.Stores.Queue.Activity.Add(attempt with
        {
            Type = MailEventType.Deferred, Recipient = "b@there.test", Reply = "450 4.2.1 Come later", Rule = "text.greylisted", NextAttempt = now.AddMinutes(1),
        });

        var answer = await api.GetAsync($"/messages/{id}");

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal(id.ToString(), answer.String("id"));
        Assert.Equal($"{id}@shop.test", answer.String("messageId"));
        Assert.Equal("Shop <orders@shop.test>", answer.String("from"));
        Assert.Equal("Hi", answer.String("subject"));
        Assert.Equal("http", answer.String("source"));
        Assert.Equal(
            """
            [{"email":"a@there.test","status":"delivered"},{"email":"b@there.test","status":"deferred","waiting":{"reason":"450 4.2.1 Come later","until":"2026-03-01T12:01:00+00:00"}},{"email":"c@there.test","status":"queued","waiting":{"reason":"its first attempt is due"}}]
            """.Trim(),
            answer.Json.GetProperty("recipients").GetRawText());

        var timeline = answer.Json.GetProperty("timeline").EnumerateArray().ToList();
        Assert.Equal(["accepted", "delivered", "deferred"], timeline.Select(entry => entry.GetProperty("type").GetString()));
        Assert.False(timeline[0].TryGetProperty("recipient", out _));
        Assert.Equal("250 2.0.0 Ok: queued as 17", timeline[1].GetProperty("reply").GetString());
        Assert.Equal("mx.there.test", timeline[1].GetProperty("host").GetString());
        Assert.Equal("192.0.2.1:25", timeline[1].GetProperty("address").GetString());
        Assert.Equal("TLS1.3 TLS_AES_256_GCM_SHA384", timeline[1].GetProperty("tls").GetString());
        Assert.Equal(1, timeline[1].GetProperty("attempt").GetInt32());
        Assert.Equal("text.greylisted", timeline[2].GetProperty("rule").GetString());
        Assert.Equal("greylisted", timeline[2].GetProperty("class").GetString());
        Assert.Equal("policy", timeline[2].GetProperty("fault").GetString());
        Assert.Equal("2026-03-01T12:01:00+00:00", timeline[2].GetProperty("nextAttempt").GetString());
    }

    [Fact]
    public async Task A_test_key_sees_what_was_sent_with_test_keys_only()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var testKey = await api.KeyAsync("shop", MessageMode.Test);
        var live = (await api.SendWithAsync()).String("id");
        var test = (await api.PostAsync("/send", """{ "from": "a@shop.test", "to": "b@there.test", "text": "" }""", testKey)).String("id");

        var listed = (await api.GetAsync("/messages", testKey)).Json.GetProperty("items").EnumerateArray().ToList();

        Assert.Equal(test, Assert.Single(listed).GetProperty("id").GetString());
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync($"/messages/{test}", testKey)).Status);
        (await api.GetAsync($"/messages/{live}", testKey)).IsProblem(HttpStatusCode.NotFound);
        Assert.Equal(2, (await api.GetAsync("/messages")).Json.GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task A_message_for_later_says_until_when_it_waits()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.SendWithAsync(("sendAt", "2026-03-02T12:00:00Z"))).String("id");

        var waiting = (await api.GetAsync($"/messages/{id}")).Json.GetProperty("recipients")[0].GetProperty("waiting");

        Assert.Equal("2026-03-02T12:00:00+00:00", waiting.GetProperty("until").GetString());
    }

    [Fact]
    public async Task Another_accounts_message_is_no_different_from_none()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.SendWithAsync()).String("id");
        var stranger = await api.KeyAsync("stranger");

        var theirs = (await api.GetAsync($"/messages/{id}", stranger)).IsProblem(HttpStatusCode.NotFound);
        var none = (await api.GetAsync($"/messages/{MessageId.Create(TimeProvider.System)}", stranger)).IsProblem(HttpStatusCode.NotFound);
        var nonsense = (await api.GetAsync("/messages/x", stranger)).IsProblem(HttpStatusCode.NotFound);

        Assert.Equal(none.Text, theirs.Text);
        Assert.Equal(none.Text, nonsense.Text);
        Assert.Equal(0, (await api.GetAsync("/messages", stranger)).Json.GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task Messages_are_listed_newest_first_page_by_page()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var sent = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            sent.Add((await api.SendWithAsync(("to", $"u{i}@there.test"))).String("id"));
            api.Stores.Time.Advance(TimeSpan.FromSeconds(1));
        }

        var seen = new List<string?>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await api.GetAsync($"/messages?limit=2{(cursor.Length > 0 ? $"&cursor={cursor}" : "")}");
            seen.AddRange(Ids(page));
            cursor = page.Json.GetProperty("next").GetString();
        }

        Assert.Equal(Enumerable.Reverse(sent), seen);
        Assert.Equal([sent[3]], Ids(await api.GetAsync("/messages?recipient=U3@there.test")));
        Assert.Equal(5, Ids(await api.GetAsync("/messages?status=queued")).Count);
        Assert.Empty(Ids(await api.GetAsync("/messages?status=delivered")));
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=501", "limit")]
    [InlineData("limit=x", "limit")]
    [InlineData("cursor=x", "cursor")]
    [InlineData("status=lost", "status")]
    [InlineData("status=1", "status")]
    public async Task A_question_that_makes_no_sense_is_named(string query, string field)
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.GetAsync($"/messages?{query}")).Names(HttpStatusCode.UnprocessableEntity, field);
    }

    private static List<string?> Ids(ApiAnswer page) =>
        [.. page.Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString())];
}
