using Relay.Mail.Messages;
using Relay.Smtp.Replies;

namespace Relay.Intake.Smtp;

/// <summary>Where a content goes chunk by chunk while it arrives, behind its first octets.</summary>
internal interface IContentPlace
{
    /// <summary>Keeps a chunk. What is said against it, and so against the whole content; null when nothing is.</summary>
    ValueTask<SmtpReply?> KeepAsync(MessageId message, int chunk, ReadOnlyMemory<byte> octets);

    /// <summary>The content will not be accepted: all of its chunks go.</summary>
    ValueTask DropAsync(MessageId message, int chunks);
}
