using System.Net;
using System.Text;
using Relay.Mail.Events;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;
using Relay.Mail.Suppressions;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;
using Relay.Tests.Mail.Tokens;

namespace Relay.Tests.Intake.Http;

/// <summary><c>/unsubscribe/{token}</c>, as mail programs, people and link scanners use it.</summary>
public sealed class UnsubscribeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_click_takes_the_recipient_off_without_a_login_a_cookie_or_a_redirect()
    {
        await using var api = await ApiUnderTest.StartAsync();

        using var answer = await PostAsync(api, TokenFor(api, "news", "Ada@there.test"), "List-Unsubscribe=One-Click");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.False(answer.Headers.Contains("Set-Cookie"));
        Assert.NotNull(await HeldAsync(api, "news"));
        Assert.Null(await HeldAsync(api, "receipts"));
        var happened = Assert.Single(Assert.Single(api.Stores.Incoming.Tellings).Events);
        Assert.Equal((MailEventType.Unsubscribed, "news"), (happened.Type, happened.Stream));
    }

    [Fact]
    public async Task The_field_may_come_in_parts_as_some_programs_send_it()
    {
        await using var api = await ApiUnderTest.StartAsync();
        using var form = new MultipartFormDataContent { { new StringContent("One-Click"), "List-Unsubscribe" } };

        using var answer = await api.Client.PostAsync($"/unsubscribe/{TokenFor(api, "news", "ada@there.test")}", form, Cancellation);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.NotNull(await HeldAsync(api, "news"));
    }

    [Fact]
    public async Task Again_is_no_error_and_no_second_event()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var token = TokenFor(api, "news", "ada@there.test");

        (await PostAsync(api, token, "List-Unsubscribe=One-Click")).Dispose();
        using var again = await PostAsync(api, token, "List-Unsubscribe=One-Click");

        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        Assert.Single(api.Stores.Incoming.Tellings);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task Who_only_looks_takes_nobody_off(string method)
    {
        await using var api = await ApiUnderTest.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), $"/unsubscribe/{TokenFor(api, "news", "ada@there.test")}");

        using var answer = await api.Client.SendAsync(request, Cancellation);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("text/html", answer.Content.Headers.ContentType?.MediaType);
        Assert.Null(await HeldAsync(api, "news"));
        Assert.Empty(api.Stores.Incoming.Tellings);
    }

    [Fact]
    public async Task The_page_has_a_button_and_runs_nothing()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var token = TokenFor(api, "news", "\"<script>alert(1)</script>\"@there.test");

        using var answer = await api.Client.GetAsync($"/unsubscribe/{token}", Cancellation);
        var page = await answer.Content.ReadAsStringAsync(Cancellation);

        Assert.Contains("""<form method="post"><button name="List-Unsubscribe" value="One-Click">""", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.OrdinalIgnoreCase);
        Assert.StartsWith("default-src 'none';", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal(["no-referrer", "noindex"], [answer.Headers.GetValues("Referrer-Policy").Single(), answer.Headers.GetValues("X-Robots-Tag").Single()]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("List-Unsubscribe=Later")]
    [InlineData("something=else")]
    public async Task A_post_that_does_not_say_so_takes_nobody_off(string body)
    {
        await using var api = await ApiUnderTest.StartAsync();

        using var answer = await PostAsync(api, TokenFor(api, "news", "ada@there.test"), body);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Null(await HeldAsync(api, "news"));
    }

    [Fact]
    public async Task A_token_that_we_did_not_make_changes_nothing()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var token = TokenFor(api, "news", "ada@there.test");

        foreach (var forged in (string[])["x", token[1..], new string('A', token.Length), token + token])
        {
            using var answer = await PostAsync(api, forged, "List-Unsubscribe=One-Click");
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }

        Assert.Empty(api.Stores.Incoming.Tellings);
    }

    [Fact]
    public async Task What_could_not_be_kept_is_told_and_can_be_tried_again()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var token = TokenFor(api, "news", "ada@there.test");
        api.Stores.Incoming.Refusal = TellResult.StoreUnavailable;

        using (var refused = await PostAsync(api, token, "List-Unsubscribe=One-Click"))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        api.Stores.Incoming.Refusal = null;
        using var answer = await PostAsync(api, token, "List-Unsubscribe=One-Click");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task A_body_without_end_is_not_read()
    {
        await using var api = await ApiUnderTest.StartAsync();

        using var answer = await PostAsync(api, TokenFor(api, "news", "ada@there.test"), new string('a', 1_000_000) + "&List-Unsubscribe=One-Click");

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Theory]
    [InlineData(1, 64 * 1024)]
    [InlineData(15, 7 * 1024)]
    public async Task A_body_that_does_not_say_how_long_it_is_is_read_no_further_either(int fields, int length)
    {
        await using var api = await ApiUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/unsubscribe/{TokenFor(api, "news", "ada@there.test")}")
        {
            Content = new StringContent(
                $"List-Unsubscribe=One-Click{string.Concat(Enumerable.Range(0, fields).Select(n => $"&f{n}={new string('a', length)}"))}", Encoding.ASCII, "application/x-www-form-urlencoded"),
        };
        request.Headers.TransferEncodingChunked = true;

        using var answer = await api.Client.SendAsync(request, Cancellation);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Null(await HeldAsync(api, "news"));
    }

    [Fact]
    public async Task A_link_of_test_mail_takes_nobody_off_whomever_it_was_addressed_to()
    {
        await using var api = await ApiUnderTest.StartAsync(("Http:PublicUrl", "https://relay.test"));
        var key = await api.KeyAsync("shop", MessageMode.Test);
        var id = (await api.PostAsync("/send", """{ "from": "a@shop.test", "to": "ada@there.test", "subject": "Hi", "text": "x", "class": "bulk", "stream": "news" }""", key)).String("id");
        var header = Encoding.ASCII.GetString(Assert.Single(api.Stores.Queue.Accepted).Content.Prologue.Span);
        var token = header.Split("https://relay.test/unsubscribe/")[1].Split('>')[0];

        using var answer = await PostAsync(api, token, "List-Unsubscribe=One-Click");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Null(await HeldAsync(api, "news"));
        var happened = Assert.Single(Assert.Single(api.Stores.Incoming.Tellings).Events);
        Assert.Equal((MailEventType.Unsubscribed, id, false), (happened.Type, happened.Message.ToString(), happened.Suppresses));
        Assert.Null(Suppression.From(happened));

        (await PostAsync(api, token, "List-Unsubscribe=One-Click")).Dispose();
        Assert.Single(api.Stores.Incoming.Tellings);
    }

    [Fact]
    public async Task A_link_that_cannot_be_read_now_is_to_be_tried_again()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var token = TokenFor(api, "news", "ada@there.test");
        api.Stores.Tokens.Use([MailTokensTests.Key(1)], 0);

        using (var looked = await api.Client.GetAsync($"/unsubscribe/{token}", Cancellation))
        using (var clicked = await PostAsync(api, token, "List-Unsubscribe=One-Click"))
        {
            Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.ServiceUnavailable), (looked.StatusCode, clicked.StatusCode));
            Assert.NotNull(clicked.Headers.RetryAfter);
        }

        api.Stores.Tokens.Use([MailTokensTests.Key(1)]);
        using var unknown = await PostAsync(api, token, "List-Unsubscribe=One-Click");
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    private static string TokenFor(ApiUnderTest api, string stream, string recipient)
    {
        var claim = new Unsubscription("shop", MessageId.Create(api.Stores.Time), recipient, stream);
        Assert.True(claim.TrySeal(api.Stores.Tokens, out var token));
        return token;
    }

    private static Task<HttpResponseMessage> PostAsync(ApiUnderTest api, string token, string body) =>
        api.Client.PostAsync($"/unsubscribe/{token}", new StringContent(body, Encoding.ASCII, "application/x-www-form-urlencoded"), Cancellation);

    private static async Task<object?> HeldAsync(ApiUnderTest api, string stream) =>
        await api.Stores.Suppressions.FindAsync("shop", EnvelopeAddress.Parse("ada@there.test"), stream, Cancellation);
}
