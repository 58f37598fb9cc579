using System.Text;

namespace Relay.Intake.Smtp;

/// <summary>What a listener says of itself: the greeting, and its extensions as they hold in each state.</summary>
/// <param name="takesLogins">False at a door for mail of anybody, who passes nothing on and so promises no reports either (RFC 3461).</param>
internal sealed class Greeting(string hostName, long maxMessageBytes, ListenerTls tls, bool takesLogins)
{
    /// <summary>The first line (RFC 5321, 4.2); WP Mail SMTP and others look for ESMTP in it.</summary>
    public byte[] Banner { get; } = Encoding.ASCII.GetBytes($"220 {hostName} ESMTP Relay\r\n");

    /// <summary>The answer to HELO.</summary>
    public byte[] Helo { get; } = Encoding.ASCII.GetBytes($"250 {hostName}\r\n");

    private readonly byte[] _withStartTls = Hello(hostName, maxMessageBytes, takesLogins, "STARTTLS");
    private readonly byte[] _withLogin = Hello(hostName, maxMessageBytes, takesLogins, "AUTH PLAIN LOGIN");
    private readonly byte[] _withLoginInTls = Hello(hostName, maxMessageBytes, takesLogins, "AUTH PLAIN LOGIN", "REQUIRETLS");
    private readonly byte[] _plain = Hello(hostName, maxMessageBytes, takesLogins);
    private readonly byte[] _plainInTls = Hello(hostName, maxMessageBytes, takesLogins, "REQUIRETLS");

    /// <summary>Whether a login may be tried here and now: in TLS, or where the operator says that clear text will do.</summary>
    public bool AllowsLogin(bool encrypted) => takesLogins && (encrypted || tls == ListenerTls.None);

    /// <summary>
    /// The answer to EHLO. AUTH is one line of PLAIN and LOGIN: clients try what they know best first, and CRAM-MD5 can
    /// never work against hashed keys. What no longer holds is no longer listed (RFC 3207, 4.2); REQUIRETLS holds only
    /// under TLS (RFC 8689, 2).
    /// </summary>
    public byte[] Ehlo(bool encrypted, bool loggedIn, bool hasCertificate) =>
        loggedIn ? encrypted ? _plainInTls : _plain
        : AllowsLogin(encrypted) ? encrypted ? _withLoginInTls : _withLogin
        : encrypted ? _plainInTls
        : hasCertificate ? _withStartTls
        : _plain;

    private static byte[] Hello(string hostName, long maxMessageBytes, bool passesOn, params string[] here)
    {
        string[] lines =
        [
            hostName,
            .. here,
            "PIPELINING",
            $"SIZE {maxMessageBytes}",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
            .. passesOn ? ["DSN"] : (string[])[],
        ];
        return Encoding.ASCII.GetBytes(string.Concat(lines.Select((line, i) => $"250{(i == lines.Length - 1 ? ' ' : '-')}{line}\r\n")));
    }
}
