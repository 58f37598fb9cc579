using System.Text;
using Relay.Smtp.Replies;

namespace Relay.Smtp.Client;

/// <summary>Makes a value of a whole reply. Most replies are never looked at beyond their code, so this is apart from finding them.</summary>
public static class ReplyDecoder
{
    /// <param name="code">As the scanner found it.</param>
    /// <param name="octets">The whole reply with its line ends.</param>
    public static SmtpReply Decode(int code, ReadOnlySpan<byte> octets)
    {
        EnhancedStatusCode? enhanced = null;
        var lines = new List<string>(1);
        foreach (var range in octets.Split((byte)'\n'))
        {
            var line = octets[range];
            if (line.Length < 3)
            {
                continue;
            }

            var text = Printable(line.Length > 4 ? line[4..] : []);
            if (EnhancedStatusCode.TryParse(text, out var found, out var length) && found.Class == code / 100)
            {
                enhanced ??= found;
                text = text[length..].TrimStart();
            }

            lines.Add(text);
        }

        return new SmtpReply(code, enhanced, lines);
    }

    /// <summary>The same as <see cref="Decode"/> and <see cref="SmtpReply.ToString"/>, in one string for a reply of one line.</summary>
    public static string OneLine(int code, ReadOnlySpan<byte> octets) =>
        octets.IndexOf((byte)'\n') == octets.Length - 1 ? Printable(octets) : Decode(code, octets).ToString();

    // Remote words end up in timelines, logs and reports: no control character of theirs may act there.
    private static string Printable(ReadOnlySpan<byte> octets)
    {
        var text = Encoding.UTF8.GetString(octets).TrimEnd();
        foreach (var c in text)
        {
            if (char.IsControl(c))
            {
                return string.Create(text.Length, text, static (printable, given) =>
                {
                    for (var i = 0; i < given.Length; i++)
                    {
                        printable[i] = char.IsControl(given[i]) ? ' ' : given[i];
                    }
                });
            }
        }

        return text;
    }
}
