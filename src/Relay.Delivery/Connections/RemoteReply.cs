using Relay.Smtp.Client;
using Relay.Smtp.Replies;

namespace Relay.Delivery.Connections;

/// <summary>A reply as it lies in the connection's buffer, or the lack of one. Valid until the next is read.</summary>
/// <param name="Code">0 when the connection was lost before there was a reply.</param>
internal readonly record struct RemoteReply(int Code, ReadOnlyMemory<byte> Octets)
{
    public bool IsLost => Code == 0;

    public bool IsPositive => Code / 100 == 2;

    public bool IsIntermediate => Code / 100 == 3;

    public bool IsTransient => Code / 100 == 4;

    public bool IsPermanent => Code / 100 == 5;

    /// <summary>The remote goes away behind this (RFC 5321, 3.8).</summary>
    public bool IsGoodbye => Code == 421;

    /// <summary>A yes to an address, and so none to a content (RFC 3463, 3.2).</summary>
    public bool IsOfAddress => IsPositive && Octets.Span[3..].StartsWith(" 2.1."u8);

    /// <summary>The command itself was not known or not expected, whatever it was about (RFC 5321, 4.2.2).</summary>
    public bool IsOfCommand => Code is >= 500 and <= 504;

    /// <summary>The words of it on one line, as timelines keep them.</summary>
    public string Line() => ReplyDecoder.OneLine(Code, Octets.Span);

    public SmtpReply Decode() => ReplyDecoder.Decode(Code, Octets.Span);
}
