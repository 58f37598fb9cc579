using System.ComponentModel.DataAnnotations;
using System.Net;
using Relay.Mail.Tokens;

namespace Relay.Intake.Smtp;

/// <summary>What every SMTP door can be set to.</summary>
public abstract class DoorOptions : IValidatableObject
{
    /// <summary>The address of listeners that do not name their own.</summary>
    // Loopback: a fresh installation is nobody else's business until someone says so.
    [Required]
    public string Address { get; set; } = "127.0.0.1";

    /// <summary>Octets of a content at most, announced as SIZE and enforced while it arrives (RFC 1870).</summary>
    // 40 MiB: the 25 MB attachments that large receivers take, in base64, with room.
    [Range(65_536, 1_073_741_824)]
    public long MaxMessageBytes { get; set; } = 41_943_040;

    // Several hundred Bcc in one envelope are normal for desktop clients; RFC 5321, 4.5.3.1.8 asks for 100.
    // More than a token can tell apart is not to be had.
    [Range(1, MailTokens.MaxRecipient + 1)]
    public int MaxRecipients { get; set; } = 1_000;

    /// <summary>Octets of a content line at most, CRLF included.</summary>
    // RFC 5321, 4.5.3.1.6 asks for 1,000, but shops send whole HTML tables on one line, and a refused mail is a lost one.
    // A line longer than this is no text.
    [Range(1_000, 1_073_741_824)]
    public long MaxLineBytes { get; set; } = 1_048_576;

    /// <summary>How long a client may take for its next command, however slowly it drips.</summary>
    // At least 5 minutes (RFC 5321, 4.5.3.2.7).
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a session may last in all; a client with more to send connects anew.</summary>
    // A queue runner empties its queue in less, and a key revoked meanwhile ends here at the latest.
    [Range(typeof(TimeSpan), "00:00:01", "7.00:00:00")]
    public TimeSpan SessionTimeout { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How long an interrupted session may take to say goodbye before its connection is cut.</summary>
    // The client may not even read.
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan FarewellTimeout { get; set; } = TimeSpan.FromSeconds(10);

    // A handshake is three short flights; on the worst mobile link that is seconds.
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The average below which a content is cut off, counted only while we wait for the client, and only after <see cref="IdleTimeout"/>.</summary>
    // GPRS manages four times as much.
    [Range(1, 1_000_000)]
    public int MinBytesPerSecond { get; set; } = 512;

    // An idle session costs some 10 KB, with TLS some 50 KB: half a GB at worst.
    [Range(1, 1_000_000)]
    public int MaxConnections { get; set; } = 10_000;

    /// <summary>Connections from one IPv4 address, or from one IPv6 network of 64 bits.</summary>
    // Mail apps connect from their maker's cloud, many people from one address; an application server pools far fewer.
    [Range(1, 1_000_000)]
    public int MaxConnectionsPerAddress { get; set; } = 500;

    /// <summary>Commands that are none, in one session, since the last accepted message.</summary>
    // A client that speaks another protocol is cut off early; one with a fault here and there is not.
    [Range(1, 10_000)]
    public int MaxBadCommands { get; set; } = 25;

    public virtual IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!IPAddress.TryParse(Address, out _))
        {
            yield return new ValidationResult($"'{Address}' is not an IP address.", [nameof(Address)]);
        }
    }
}
