using Relay.Smtp.Addresses;

namespace Relay.Mail.Messages;

/// <summary>Mail that the relay itself has to write, through the same gate as everybody's: checked, signed where its domain has keys, and durable.</summary>
public interface IOwnMail
{
    /// <summary>True when it is durable; again with the same key it is so once. False when the store does not take it now.</summary>
    ValueTask<bool> TrySendAsync(OwnMail mail, CancellationToken cancellation);
}

/// <param name="Sender">Null is the empty reverse-path.</param>
/// <param name="Content">Header and body, CRLF line ends, in ASCII.</param>
/// <param name="Key">Names it: printable ASCII without spaces.</param>
public sealed record OwnMail(EnvelopeAddress? Sender, EnvelopeAddress Recipient, ReadOnlyMemory<byte> Content, string Key);
