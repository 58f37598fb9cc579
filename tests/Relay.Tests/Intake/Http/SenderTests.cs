using System.Net;
using System.Text.RegularExpressions;
using Relay.Mail.Messages;

namespace Relay.Tests.Intake.Http;

/// <summary>A single address is sent as once its owner has pressed a button, and not when a scanner has looked at the link.</summary>
public sealed class SenderTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_address_is_sent_as_after_its_owner_has_said_yes()
    {
        await using var api = await StartAsync();
        var made = await api.PostAsync("/senders", """{ "email": "Ada@Mail.test" }""");
        Assert.Equal((HttpStatusCode.Created, "ada@mail.test", "pending"), (made.Status, made.String("email"), made.String("status")));
        (await SendAsync(api, "ada@mail.test")).Names(HttpStatusCode.Forbidden, "from");

        var mail = Assert.Single(api.Stores.Queue.Accepted);
        Assert.Equal((MessageSource.Report, "default", null), (mail.Source, mail.Account, mail.Envelope.Sender));
        Assert.Equal("ada@mail.test", mail.Envelope.Recipients.Single().Address.Text);
        var link = LinkIn(mail);

        // A scanner looks, however often.
        for (var i = 0; i < 3; i++)
        {
            var page = await api.Client.GetAsync(link, Cancellation);
            Assert.Equal((HttpStatusCode.OK, "text/html"), (page.StatusCode, page.Content.Headers.ContentType!.MediaType));
            Assert.Contains("May shop send mail as ada@mail.test?", await page.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
            Assert.Contains("default-src 'none'", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
            Assert.Equal("no-referrer", page.Headers.GetValues("Referrer-Policy").Single());
        }

        (await SendAsync(api, "ada@mail.test")).Names(HttpStatusCode.Forbidden, "from");
        Assert.Equal(HttpStatusCode.OK, (await api.Client.PostAsync(link, null, Cancellation)).StatusCode);

        Assert.Equal("verified", (await api.GetAsync("/senders/ada@mail.test")).String("status"));
        Assert.Equal(HttpStatusCode.Accepted, (await SendAsync(api, "Ada <ADA@mail.test>")).Status);
        (await SendAsync(api, "bob@mail.test")).Names(HttpStatusCode.Forbidden, "from");

        // The link was good once.
        Assert.Equal(HttpStatusCode.NotFound, (await api.Client.PostAsync(link, null, Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await api.Client.GetAsync(link, Cancellation)).StatusCode);
    }

    [Fact]
    public async Task A_link_is_good_for_three_days_and_an_older_one_no_more_when_a_newer_was_mailed()
    {
        await using var api = await StartAsync();
        var id = (await api.PostAsync("/senders", """{ "email": "ada@mail.test" }""")).String("id");
        var first = LinkIn(api.Stores.Queue.Accepted[0]);
        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync($"/senders/{id}/mail", "")).Status);
        var second = LinkIn(api.Stores.Queue.Accepted[1]);

        Assert.Equal(HttpStatusCode.NotFound, (await api.Client.PostAsync(first, null, Cancellation)).StatusCode);
        api.Stores.Time.Advance(TimeSpan.FromDays(3));
        Assert.Equal(HttpStatusCode.NotFound, (await api.Client.PostAsync(second, null, Cancellation)).StatusCode);
        (await SendAsync(api, "ada@mail.test")).Names(HttpStatusCode.Forbidden, "from");
    }

    [Theory]
    [InlineData("")]
    [InlineData("?token=")]
    [InlineData("?token=a.b")]
    [InlineData("?token=c2hvcAphZGFAbWFpbC50ZXN0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("?token=%00.%00")]
    public async Task A_link_of_somebodys_own_making_does_nothing(string query)
    {
        await using var api = await StartAsync();
        await api.PostAsync("/senders", """{ "email": "ada@mail.test" }""");

        Assert.Equal(HttpStatusCode.NotFound, (await api.Client.GetAsync($"/confirm{query}", Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await api.Client.PostAsync($"/confirm{query}", null, Cancellation)).StatusCode);
        Assert.Equal("pending", (await api.GetAsync("/senders/ada@mail.test")).String("status"));
    }

    [Fact]
    public async Task What_is_removed_is_sent_as_no_more_and_its_link_is_nothing()
    {
        await using var api = await StartAsync();
        var id = (await api.PostAsync("/senders", """{ "email": "ada@mail.test" }""")).String("id");
        var link = LinkIn(api.Stores.Queue.Accepted[0]);
        await api.Client.PostAsync(link, null, Cancellation);
        Assert.Equal(HttpStatusCode.Accepted, (await SendAsync(api, "ada@mail.test")).Status);

        Assert.Equal(HttpStatusCode.NoContent, (await api.DeleteAsync($"/senders/{id}")).Status);

        (await SendAsync(api, "ada@mail.test")).Names(HttpStatusCode.Forbidden, "from");
        Assert.Equal(HttpStatusCode.NotFound, (await api.Client.PostAsync(link, null, Cancellation)).StatusCode);
    }

    [Fact]
    public async Task Nobody_is_mailed_again_and_again()
    {
        await using var api = await StartAsync();
        var id = (await api.PostAsync("/senders", """{ "email": "ada@mail.test" }""")).String("id");
        await api.PostAsync($"/senders/{id}/mail", "");
        await api.PostAsync($"/senders/{id}/mail", "");

        (await api.PostAsync($"/senders/{id}/mail", "")).IsProblem(HttpStatusCode.TooManyRequests);
        await api.DeleteAsync($"/senders/{id}");
        (await api.PostAsync("/senders", """{ "email": "ada@mail.test" }""")).IsProblem(HttpStatusCode.TooManyRequests);

        Assert.Equal(3, api.Stores.Queue.Accepted.Count);
    }

    [Fact]
    public async Task What_an_account_is_called_is_no_part_of_the_page()
    {
        await using var api = await StartAsync();
        var account = (await api.PostAsync("/accounts", """{ "name": "<script>alert(1)</script>" }""", ApiUnderTest.AdminKey)).String("id");
        await api.PostAsync("/senders", """{ "email": "ada@mail.test" }""", ApiUnderTest.AdminKey, ("Relay-Account", account));

        var page = await api.Client.GetStringAsync(LinkIn(api.Stores.Queue.Accepted[0]), Cancellation);

        Assert.DoesNotContain("<script", page, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("&lt;script&gt;", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_address_of_its_own_the_relay_mails_no_link_and_with_a_test_key_neither()
    {
        await using var nowhere = await ApiUnderTest.StartAsync();
        (await nowhere.PostAsync("/senders", """{ "email": "ada@mail.test" }""")).IsProblem(HttpStatusCode.Conflict);
        await using var api = await StartAsync();

        (await api.PostAsync("/senders", """{ "email": "ada@mail.test" }""", await api.KeyAsync("shop", MessageMode.Test))).IsProblem(HttpStatusCode.Forbidden);
        (await api.PostAsync("/senders", """{ "email": "ada" }""")).Names(HttpStatusCode.UnprocessableEntity, "email");
        Assert.Empty(api.Stores.Queue.Accepted);
    }

    [Theory]
    [InlineData("ada@gmail.com")]
    [InlineData("Ada@Outlook.com")]
    public async Task A_mailbox_that_only_its_provider_may_send_for_is_not_asked_for_a_yes(string email)
    {
        await using var api = await StartAsync();

        (await api.PostAsync("/senders", $$"""{ "email": "{{email}}" }""")).Names(HttpStatusCode.UnprocessableEntity, "email", "lets nobody else send in its name");

        Assert.Empty(api.Stores.Queue.Accepted);
        Assert.Equal(0, (await api.GetAsync("/senders")).Json.GetProperty("items").GetArrayLength());
    }

    private static Task<ApiUnderTest> StartAsync() => ApiUnderTest.StartAsync(("Http:PublicUrl", "https://relay.test/"));

    private static Task<ApiAnswer> SendAsync(ApiUnderTest api, string from) => api.SendWithAsync(("from", from));

    // As a mail program finds it, in the decoded text.
    private static string LinkIn(Message mail)
    {
        using var stream = new MemoryStream([.. mail.Content.Prologue.Span, .. mail.Content.Head.Span]);
        var text = MimeKit.MimeMessage.Load(stream, Cancellation).TextBody ?? "";
        var link = Regex.Match(text, "https://relay\\.test(/confirm\\?token=\\S+)");
        Assert.True(link.Success, text);
        return link.Groups[1].Value;
    }
}
