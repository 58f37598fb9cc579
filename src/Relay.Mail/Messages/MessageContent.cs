namespace Relay.Mail.Messages;

/// <summary>
/// The octets that leave after DATA, CRLF line ends, not dot-stuffed: <see cref="Prologue"/>, then <see cref="Head"/>,
/// then the chunks. Together they are the message as it came with our header lines on top.
/// </summary>
public sealed record MessageContent
{
    /// <summary>How much content stands in the record itself; what is longer goes on in chunks of this size.</summary>
    public const int ChunkBytes = 256 * 1024;

    /// <summary>The header lines we add: Received, and Date and Message-ID where they were missing.</summary>
    public required ReadOnlyMemory<byte> Prologue { get; init; }

    /// <summary>The first octets as submitted, at most <see cref="ChunkBytes"/>; it holds the whole header.</summary>
    public required ReadOnlyMemory<byte> Head { get; init; }

    /// <summary>How many chunks follow; chunk 0 holds the octets right behind <see cref="Head"/>.</summary>
    public int Chunks { get; init; }

    /// <summary>Octets in all, prologue included: what SIZE= declares (RFC 1870).</summary>
    public required long Length { get; init; }

    /// <summary>
    /// Where each recipient's copy gets header fields of its own, and is signed with them when it is sent (ops/decisions/0019): the
    /// hash of the body (<see cref="Signing.BodyDigest"/>), which is the same in all. Empty where all get the same octets.
    /// </summary>
    public ReadOnlyMemory<byte> BodyHash { get; init; }

    /// <summary>Each recipient's copy differs.</summary>
    public bool IsPersonal => !BodyHash.IsEmpty;

    /// <summary>The content holds an octet above 127, so it may travel only with 8BITMIME (RFC 6152, 3).</summary>
    public bool HasEightBit { get; init; }

    /// <summary>The header holds an octet above 127, so it may travel only with SMTPUTF8 (RFC 6531, 3.4).</summary>
    public bool HasEightBitHeader { get; init; }
}
