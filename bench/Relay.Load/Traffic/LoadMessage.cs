using System.Text;
using System.Text.Json;

namespace Relay.Load.Traffic;

/// <summary>The one mail every session sends, in the forms the doors take it.</summary>
internal static class LoadMessage
{
    public const string SenderDomain = "sender.test";
    public const string Sender = $"orders@{SenderDomain}";

    private const int LineLength = 76;

    private static readonly string[] Words =
        ["your", "order", "has", "been", "shipped", "and", "will", "arrive", "on", "Tuesday", "thank", "you", "for",
         "the", "parcel", "number", "below", "please", "keep", "this", "receipt", "with", "invoice", "payment"];

    /// <summary>MAIL, RCPT and DATA as one flight.</summary>
    public static Form Envelope(string zone) => new($"MAIL FROM:<{Sender}>\r\nRCPT TO:<{Recipient(zone)}>\r\nDATA\r\n");

    /// <summary>Header and body of <paramref name="size"/> octets, and the final dot after them.</summary>
    public static Form Content(int size, string zone)
    {
        var text = new StringBuilder()
            .Append($"From: Shop <{Sender}>\r\n")
            .Append($"To: <{Recipient(zone)}>\r\n")
            .Append("Subject: Your order has been shipped\r\n")
            .Append("Date: Mon, 02 Mar 2026 09:30:00 +0000\r\n")
            .Append($"Message-ID: <{Form.TokenPlace}@sender.test>\r\n")
            .Append($"X-Load-Token: {Form.TokenPlace}\r\n")
            .Append("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");

        AppendBody(text, size - text.Length, "\r\n");
        return new(text.Append(".\r\n").ToString());
    }

    /// <summary>The body of <c>POST /send</c> whose text has <paramref name="size"/> octets.</summary>
    public static Form Json(int size, string zone)
    {
        var text = new StringBuilder();
        AppendBody(text, size, "\n");

        return new($$"""
            {"from":"Shop <{{Sender}}>","to":["{{Recipient(zone)}}"],"subject":"Your order has been shipped",
            "headers":{"X-Load-Token":"{{Form.TokenPlace}}"},"text":"{{JsonEncodedText.Encode(text.ToString())}}"}
            """);
    }

    private static string Recipient(string zone) => $"{Form.TokenPlace}@d{Form.DomainPlace}.{zone}";

    // Words from a fixed seed: the same octets in every run, and lines such as people write.
    private static void AppendBody(StringBuilder text, int length, string lineEnd)
    {
        var random = new Random(7);
        var line = new StringBuilder();
        for (; length > 0; length -= line.Length)
        {
            line.Clear();
            while (line.Length < LineLength - lineEnd.Length)
            {
                line.Append(Words[random.Next(Words.Length)]).Append(' ');
            }

            line.Length = Math.Max(lineEnd.Length, Math.Min(LineLength, length)) - lineEnd.Length;
            line.Append(lineEnd);
            text.Append(line);
        }
    }
}
