using System.Net;
using System.Text;
using Relay.Intake.Http.Inbox;
using Relay.Mail.Inbox;
using Relay.Mail.Messages;
using Relay.Tests.Redis;

namespace Relay.Tests.Intake.Http;

public sealed class InboxTests
{
    [Fact]
    public async Task What_was_captured_is_listed_shown_and_given_back_to_the_octet()
    {
        await using var api = await ApiUnderTest.StartAsync();
        object logo = new { filename = "logo.png", content = new byte[1_234], contentId = "logo" };
        await api.SendWithAsync(("html", "<img src='cid:logo'>"), ("bcc", "d@there.test"), ("attachments", new[] { logo, new { filename = "é.pdf", content = new byte[99] } }));
        var message = api.Stores.Queue.Accepted[0];
        await api.Stores.Inbox.CaptureAsync(message, TestContext.Current.CancellationToken);

        var row = (await api.GetAsync("/inbox")).Json.GetProperty("items")[0];
        var view = await api.GetAsync($"/inbox/{message.Id}");
        var raw = await api.GetAsync($"/inbox/{message.Id}/raw");

        Assert.Equal(message.Id.ToString(), row.GetProperty("id").GetString());
        Assert.False(row.TryGetProperty("text", out _));
        Assert.Equal(["a@there.test", "d@there.test"], row.GetProperty("recipients").EnumerateArray().Select(r => r.GetString()));
        Assert.Equal("text", view.String("text").Trim());
        Assert.Equal("<img src='cid:logo'>", view.String("html").Trim());
        Assert.Contains(view.Json.GetProperty("headers").EnumerateArray(), h => h.GetProperty("name").GetString() == "Subject" && h.GetProperty("value").GetString() == "Hi");
        Assert.Equal(
            ["logo.png image/png logo 1234", "é.pdf application/pdf  99"],
            view.Json.GetProperty("attachments").EnumerateArray().Select(file =>
                $"{file.GetProperty("filename")} {file.GetProperty("contentType")} {(file.TryGetProperty("contentId", out var id) ? id : "")} {file.GetProperty("size")}"));
        Assert.Equal("message/rfc822", raw.ContentType);
        Assert.Equal("nosniff", raw.Headers["X-Content-Type-Options"]);
        Assert.Equal(message.Content.Head.ToArray(), raw.Body);
    }

    [Fact]
    public async Task An_answer_reads_as_it_was_written()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.SendWithAsync(("from", "Zoë <zoe@shop.test>"), ("subject", "1 + 1 > 'ä' & <b>"));
        await api.Stores.Inbox.CaptureAsync(api.Stores.Queue.Accepted[0], TestContext.Current.CancellationToken);

        var answer = Encoding.UTF8.GetString((await api.GetAsync("/inbox")).Body);

        Assert.Contains("\"from\":\"Zoë <zoe@shop.test>\"", answer, StringComparison.Ordinal);
        Assert.Contains("\"subject\":\"1 + 1 > 'ä' & <b>\"", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_says_that_there_are_more_only_where_there_are()
    {
        await using var api = await ApiUnderTest.StartAsync();
        for (var i = 0; i < 3; i++)
        {
            await api.SendWithAsync();
            await api.Stores.Inbox.CaptureAsync(api.Stores.Queue.Accepted[i], TestContext.Current.CancellationToken);
            api.Stores.Time.Advance(TimeSpan.FromSeconds(1));
        }

        var first = (await api.GetAsync("/inbox?limit=2")).Json;
        var rest = (await api.GetAsync($"/inbox?limit=1&cursor={first.GetProperty("next").GetString()}")).Json;

        Assert.Equal((2, 1), (first.GetProperty("items").GetArrayLength(), rest.GetProperty("items").GetArrayLength()));
        Assert.Equal(System.Text.Json.JsonValueKind.Null, rest.GetProperty("next").ValueKind);
    }

    [Fact]
    public async Task Another_accounts_inbox_is_no_different_from_an_empty_one()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.SendWithAsync();
        var message = api.Stores.Queue.Accepted[0];
        await api.Stores.Inbox.CaptureAsync(message, TestContext.Current.CancellationToken);
        var stranger = await api.KeyAsync("stranger", MessageMode.Test);

        (await api.GetAsync($"/inbox/{message.Id}", stranger)).IsProblem(HttpStatusCode.NotFound);
        (await api.GetAsync($"/inbox/{message.Id}/raw", stranger)).IsProblem(HttpStatusCode.NotFound);
        (await api.GetAsync("/inbox/x", stranger)).IsProblem(HttpStatusCode.NotFound);
        Assert.Equal(0, (await api.GetAsync("/inbox", stranger)).Json.GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task A_message_nested_without_end_is_shown_as_far_as_it_goes()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.SendWithAsync();
        var deep = new StringBuilder("From: a@shop.test\r\n");
        for (var i = 0; i < 2_000; i++)
        {
            deep.Append($"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n");
        }

        var octets = Encoding.ASCII.GetBytes(deep.ToString());
        var message = api.Stores.Queue.Accepted[0];
        message = message with { Content = message.Content with { Head = octets, Length = octets.Length } };
        await api.Stores.Inbox.CaptureAsync(message, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync($"/inbox/{message.Id}")).Status);
    }

    [Fact]
    public async Task A_message_of_parts_without_end_is_shown_without_them_and_given_back_as_it_is()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var message = await CaptureAsync(api, PartsWithoutEnd());

        var view = await api.GetAsync($"/inbox/{message.Id}");

        Assert.Equal("Hi", view.String("subject"));
        Assert.Contains($"/inbox/{message.Id}/raw", view.String("note"), StringComparison.Ordinal);
        Assert.False(view.Json.TryGetProperty("attachments", out _));
        Assert.Equal(message.Content.Head.ToArray(), (await api.GetAsync($"/inbox/{message.Id}/raw")).Body);
    }

    [Fact]
    public void Parts_without_end_are_not_built_to_be_shown()
    {
        var captured = new CapturedMessage
        {
            Id = MessageId.Create(TimeProvider.System),
            ReceivedAt = DateTimeOffset.UnixEpoch,
            Sender = "",
            Recipients = [],
            From = "",
            Subject = "",
            MessageId = "",
            Size = 0,
            Source = MessageSource.Http,
        };
        var octets = PartsWithoutEnd();
        var before = GC.GetAllocatedBytesForCurrentThread();

        CapturedView.Of(captured, octets);

        // Built they are some 300 MB.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20_000_000);
    }

    [Fact]
    public async Task A_message_too_large_to_be_kept_says_so()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.SendWithAsync();
        var message = api.Stores.Queue.Accepted[0];
        await api.Stores.Inbox.CaptureAsync(message with { Content = message.Content with { Length = IInbox.LargestKept + 1 } }, TestContext.Current.CancellationToken);

        Assert.Contains("larger than the inbox keeps", (await api.GetAsync("/inbox")).Text, StringComparison.Ordinal);
        Assert.Contains("larger than the inbox keeps", (await api.GetAsync($"/inbox/{message.Id}")).String("note"), StringComparison.Ordinal);
        Assert.Contains(
            "larger than the inbox keeps",
            (await api.GetAsync($"/inbox/{message.Id}/raw")).IsProblem(HttpStatusCode.NotFound).String("detail"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_reads_large_messages_slowly_keeps_them_from_nobody_else()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var message = await CaptureAsync(api, new byte[16 * 1024 * 1024]);
        var others = await api.KeyAsync("other", MessageMode.Test);
        await api.Stores.Inbox.CaptureAsync(message with { Account = "other" }, TestContext.Current.CancellationToken);
        using (await BeginAsync())
        using (await BeginAsync())
        using (await BeginAsync())
        {
            (await api.GetAsync($"/inbox/{message.Id}/raw")).IsProblem(HttpStatusCode.ServiceUnavailable);
            (await api.GetAsync($"/inbox/{message.Id}")).IsProblem(HttpStatusCode.ServiceUnavailable);
            Assert.Equal(HttpStatusCode.OK, (await api.GetAsync($"/inbox/{message.Id}/raw", others)).Status);
        }

        await Eventually.HoldsAsync(async () => (await api.GetAsync($"/inbox/{message.Id}/raw")).Status == HttpStatusCode.OK, TestContext.Current.CancellationToken);

        async Task<HttpResponseMessage> BeginAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/inbox/{message.Id}/raw");
            request.Headers.Authorization = new("Bearer", api.Key);
            return await api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        }
    }

    private static byte[] PartsWithoutEnd() => Encoding.ASCII.GetBytes(
        "Subject: Hi\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + new StringBuilder().Insert(0, "--b\r\n\r\n", 200_000));

    private static async Task<Message> CaptureAsync(ApiUnderTest api, byte[] octets)
    {
        await api.SendWithAsync();
        var message = api.Stores.Queue.Accepted[0];
        message = message with { Content = message.Content with { Head = octets, Length = octets.Length } };
        await api.Stores.Inbox.CaptureAsync(message, TestContext.Current.CancellationToken);
        return message;
    }
}
