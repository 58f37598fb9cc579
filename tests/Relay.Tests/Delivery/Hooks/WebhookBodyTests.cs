using System.Text;
using System.Text.Json;
using Relay.Delivery.Hooks;
using Relay.Mail.Messages;
using Relay.Mail.Routes;

namespace Relay.Tests.Delivery.Hooks;

public sealed class WebhookBodyTests
{
    private const string Multipart = "Subject: Help\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n";

    [Fact]
    public void A_mail_of_hundreds_of_parts_is_read() =>
        Assert.Equal("Help", Read(Multipart + Repeat("--a\r\n\r\nx\r\n", 500) + "--a--\r\n").GetProperty("subject").GetString());

    public static TheoryData<string, string> Endless => new()
    {
        { "parts", Multipart + Repeat("--a\r\n\r\n", 20_000) },
        { "multiparts", Multipart + Repeat("--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", 6_000) },
        { "mails", Multipart + Repeat("--a\r\nContent-Type: message/rfc822\r\n\r\n\r\n", 6_000) },
        { "fields", "Subject: Help\r\n" + Repeat("X: y\r\n", 6_000) + "\r\n" },
        { "fields of a part", Multipart + "--a\r\n" + Repeat("X: y\r\n", 6_000) + "\r\n" },
        { "addresses", "Subject: Help\r\nTo: " + Repeat("a@b.test,\r\n ", 60_000) + "a@b.test\r\n\r\n" },
    };

    [Theory]
    [MemberData(nameof(Endless))]
    public void One_without_end_goes_out_raw_only(string what, string mail)
    {
        var data = Read(mail);

        Assert.False(data.TryGetProperty("subject", out _), what);
        Assert.Equal(mail.Length, data.GetProperty("raw").GetBytesFromBase64().Length);
    }

    private static string Repeat(string text, int times) => new StringBuilder().Insert(0, text, times).ToString();

    private static JsonElement Read(string mail)
    {
        var raw = Encoding.ASCII.GetBytes(mail);
        var route = new InboundRoute { Id = "route_1", Account = "shop", Match = "help.shop.test", CreatedAt = DateTimeOffset.UnixEpoch, By = "key_1" };
        var message = A.Message(TimeProvider.System, "a@help.shop.test");
        return JsonElement.Parse(WebhookBody.Write(message, route, raw)).GetProperty("data");
    }
}
