using System.Buffers;
using System.Globalization;
using System.Text;

namespace Relay.Smtp.Replies;

/// <summary>Writes a reply as it stands on the wire (RFC 5321, 4.2). Whatever its text holds, no reply becomes two.</summary>
public static class ReplyWriter
{
    // 512 octets a reply line with code, enhanced code and CRLF (RFC 5321, 4.5.3.1.5), and some room.
    private const int MaxTextOctets = 480;

    public static byte[] ToBytes(SmtpReply reply)
    {
        var lines = reply.Lines.SelectMany(Wrap).ToArray();
        var wire = new StringBuilder();
        for (var i = 0; i < lines.Length; i++)
        {
            wire.Append(CultureInfo.InvariantCulture, $"{reply.Code}{(i == lines.Length - 1 ? ' ' : '-')}");
            if (reply.Enhanced is { } enhanced)
            {
                wire.Append(CultureInfo.InvariantCulture, $"{enhanced} ");
            }

            wire.Append(lines[i]).Append("\r\n");
        }

        return Encoding.ASCII.GetBytes(wire.ToString());
    }

    public static void Write(IBufferWriter<byte> output, SmtpReply reply) => output.Write(ToBytes(reply));

    // A long text goes on in further lines, broken at blanks where there are any.
    private static IEnumerable<string> Wrap(string text)
    {
        var rest = Printable(text);
        while (rest.Length > MaxTextOctets)
        {
            var blank = rest.LastIndexOf(' ', MaxTextOctets);
            var length = blank > 0 ? blank : MaxTextOctets;
            yield return rest[..length];
            rest = rest[length..].TrimStart(' ');
        }

        yield return rest;
    }

    private static string Printable(string text) => string.Create(text.Length, text, static (clean, text) =>
    {
        for (var i = 0; i < text.Length; i++)
        {
            clean[i] = text[i] is >= ' ' and <= '~' ? text[i] : char.IsWhiteSpace(text[i]) ? ' ' : '?';
        }
    });
}
