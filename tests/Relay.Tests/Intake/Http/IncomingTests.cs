using System.Net;
using System.Text;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;

namespace Relay.Tests.Intake.Http;

public sealed class IncomingTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_admin_reads_what_was_kept_aside_and_nobody_else_does()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var about = MessageId.Create(api.Stores.Time);
        var kept = new AsideMail
        {
            Id = MessageId.Create(api.Stores.Time),
            Time = api.Stores.Time.GetUtcNow(),
            Reason = "it is no report",
            Recipient = "token@bounce.shop.test",
            Sender = "",
            Client = "192.0.2.1",
            About = about,
            Length = 70_000,
            Content = Encoding.ASCII.GetBytes("Subject: <script>\r\n\r\nHello\r\n"),
        };
        await api.Stores.Incoming.KeepAsideAsync(kept, Cancellation);

        var listed = await api.GetAsync("/incoming/aside", ApiUnderTest.AdminKey);
        var raw = await api.GetAsync($"/incoming/aside/{kept.Id}/raw", ApiUnderTest.AdminKey);

        var item = listed.Json.GetProperty("items")[0];
        Assert.Equal(
            (kept.Id.ToString(), about.ToString(), "it is no report", 70_000, "192.0.2.1"),
            (item.GetProperty("id").GetString(), item.GetProperty("about").GetString(), item.GetProperty("reason").GetString(), item.GetProperty("size").GetInt32(), item.GetProperty("client").GetString()));
        Assert.Equal(kept.Content, raw.Body);
        Assert.Equal("message/rfc822", raw.ContentType);
        Assert.Equal("nosniff", raw.Headers["X-Content-Type-Options"]);
        (await api.GetAsync($"/incoming/aside/{about}/raw", ApiUnderTest.AdminKey)).IsProblem(HttpStatusCode.NotFound);
        (await api.GetAsync("/incoming/aside")).IsProblem(HttpStatusCode.Forbidden);
        (await api.GetAsync($"/incoming/aside/{kept.Id}/raw")).IsProblem(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task The_admin_makes_the_next_key_of_tokens()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var first = await api.PostAsync("/tokens/rotate", "{}", ApiUnderTest.AdminKey);
        var second = await api.PostAsync("/tokens/rotate", "{}", ApiUnderTest.AdminKey);

        Assert.Equal((HttpStatusCode.Created, 0), (first.Status, first.Json.GetProperty("number").GetInt32()));
        Assert.Equal(1, second.Json.GetProperty("number").GetInt32());
        Assert.DoesNotContain("secret", second.Text, StringComparison.OrdinalIgnoreCase);
        (await api.PostAsync("/tokens/rotate", "{}")).IsProblem(HttpStatusCode.Forbidden);
    }
}
