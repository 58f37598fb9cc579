using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Relay.Mail.Lists;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Signing;
using Relay.Mail.Tokens;

namespace Relay.Delivery.Sending;

/// <summary>
/// Writes what is its recipient's own into a copy of list mail that went to several, the link to unsubscribe, and signs that copy.
/// From the message alone, with the keys and the time of its acceptance: each attempt sends the same octets (ops/decisions/0019).
/// </summary>
/// <param name="signers">Null where nobody signs.</param>
internal sealed class PersonalCopies(ListFields lists, ILogger<PersonalCopies> logger, ISigners? signers = null)
{
    /// <summary>The lease with the content as its one recipient gets it; the lease itself where all get the same.</summary>
    /// <exception cref="StoreUnavailableException">The keys are not known now.</exception>
    public async ValueTask<Lease> MakeAsync(Lease lease, CancellationToken cancellation)
    {
        var (message, content) = (lease.Message, lease.Message.Content);
        if (!content.IsPersonal)
        {
            return lease;
        }

        var recipient = lease.Unit.Recipients[0];
        var wish = new Unsubscription(message.Account, message.Id, message.Envelope.Recipients[recipient].Address.Text, message.Stream, message.Mode);
        if (!lists.TryWriteUnsubscribe(wish, recipient, HeaderOf(message).Span, message.ReturnPath?.Domain, message.AcceptedAt, out var link))
        {
            throw new StoreUnavailableException("the keys of links to unsubscribe are not known yet");
        }

        byte[] prologue = [.. link, .. content.Prologue.Span];
        prologue = [.. await SignAsync(message, prologue, cancellation), .. prologue];
        var copy = content with { Prologue = prologue, Length = content.Length - content.Prologue.Length + prologue.Length, BodyHash = default };
        return lease with { Message = message with { Content = copy } };
    }

    // Without the empty line behind it.
    private static ReadOnlyMemory<byte> HeaderOf(Message message) => message.Content.Head[..Math.Max(0, BodyDigest.StartOfBody(message.Content.Head.Span) - 2)];

    private async ValueTask<byte[]> SignAsync(Message message, byte[] prologue, CancellationToken cancellation)
    {
        if (message.Alignment?.Dkim is not { } domain || signers is null)
        {
            return [];
        }

        try
        {
            return await signers.FindSignerAsync(message.Account, domain, message.AcceptedAt, cancellation) is { } signer
                ? signer.Sign(prologue, HeaderOf(message).Span, message.Content.BodyHash.Span, message.AcceptedAt)
                : [];
        }
        catch (CryptographicException e)
        {
            // Unsigned it would be refused for good wherever DMARC is strict; a secret that is missing here can be given.
            logger.CopyNotSigned(message.Id, domain, e);
            throw new StoreUnavailableException("a DKIM key cannot be used now", inner: e);
        }
    }
}
