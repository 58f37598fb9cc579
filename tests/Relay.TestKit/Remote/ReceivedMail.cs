using System.Text;

namespace Relay.TestKit.Remote;

/// <summary>One message that a remote took from after 354 to the final dot, or as a chunk, whatever it answered.</summary>
/// <param name="MailFrom">The MAIL command as it came.</param>
/// <param name="RcptTo">The RCPT commands that were answered with 2yz.</param>
/// <param name="Wire">The octets after 354 as they came, without the final dot line.</param>
/// <param name="Answer">What was answered to the final dot; null when nothing was.</param>
public sealed record ReceivedMail(RemoteSession Session, string MailFrom, IReadOnlyList<string> RcptTo, byte[] Wire, string? Answer)
{
    /// <summary>It came by BDAT: nothing is stuffed.</summary>
    public bool IsChunk { get; init; }

    /// <summary>The content with its dots unstuffed (RFC 5321, 4.5.2).</summary>
    public byte[] Content => IsChunk ? Wire : Unstuff(Wire);

    public string Text => Encoding.UTF8.GetString(Content);

    private static byte[] Unstuff(byte[] wire)
    {
        var content = new MemoryStream(wire.Length);
        var atLineStart = true;
        for (var i = 0; i < wire.Length; i++)
        {
            if (!(atLineStart && wire[i] == '.'))
            {
                content.WriteByte(wire[i]);
            }

            atLineStart = wire[i] == '\n' && i > 0 && wire[i - 1] == '\r';
        }

        return content.ToArray();
    }
}
