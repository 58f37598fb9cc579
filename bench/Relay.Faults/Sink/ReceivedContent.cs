using System.Text;
using MimeKit;
using Relay.Faults.Ledgers;

namespace Relay.Faults.Sink;

/// <summary>What stands in a message as it came over the wire, dots unstuffed once (RFC 5321, 4.5.2).</summary>
internal readonly record struct ReceivedContent(string? Token, string BodyHash, int ReceivedLines, Lazy<string?>? SignatureFault)
{
    /// <param name="isStuffed">It came behind DATA and not as a chunk.</param>
    /// <param name="keys">With what the relay signs; null where it does not.</param>
    public static ReceivedContent Read(byte[] wire, bool isStuffed, SigningKeys? keys)
    {
        var content = isStuffed ? Unstuff(wire) : wire;
        var end = content.AsSpan().IndexOf("\r\n\r\n"u8);
        var header = Encoding.UTF8.GetString(content, 0, end < 0 ? content.Length : end + 2).Split("\r\n");
        var body = end < 0 ? [] : content[(end + 4)..];
        if (Array.Exists(header, l => l.StartsWith("Content-Transfer-Encoding: ", StringComparison.OrdinalIgnoreCase) && !l.EndsWith("bit", StringComparison.OrdinalIgnoreCase)))
        {
            body = Decode(content);
        }

        const string Field = LedgerMail.TokenHeader + ": ";
        return new ReceivedContent(
            Array.Find(header, l => l.StartsWith(Field, StringComparison.OrdinalIgnoreCase))?[Field.Length..].Trim(),
            LedgerMail.HashOf(body),
            header.Count(l => l.StartsWith("Received:", StringComparison.OrdinalIgnoreCase)),
            keys is null ? null : new Lazy<string?>(() => keys.FaultOf(content)));
    }

    public Arrival ToArrival(string sink, int session, IReadOnlyList<string> recipients, SinkAnswer answer) =>
        new(Token, sink, session, recipients, BodyHash, ReceivedLines, DateTimeOffset.UtcNow, answer) { SignatureFault = SignatureFault };

    // The relay composed it from JSON and may have encoded the text; what it says must be the same.
    private static byte[] Decode(byte[] content)
    {
        using var message = MimeMessage.Load(new MemoryStream(content, writable: false));
        var text = new MemoryStream();
        (message.Body as MimePart)?.Content?.DecodeTo(text);
        return text.ToArray();
    }

    private static byte[] Unstuff(byte[] wire)
    {
        var content = new MemoryStream(wire.Length);
        for (var i = 0; i < wire.Length; i++)
        {
            if (wire[i] != '.' || (i > 0 && wire[i - 1] != '\n'))
            {
                content.WriteByte(wire[i]);
            }
        }

        return content.ToArray();
    }
}
