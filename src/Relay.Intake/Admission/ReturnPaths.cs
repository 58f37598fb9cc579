using Microsoft.Extensions.Options;
using Relay.Intake.Domains;
using Relay.Intake.Smtp;
using Relay.Mail.Messages;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Admission;

/// <summary>
/// Whom the world is told as the sender of a message: an address of ours, signed and made for this one message, so that a
/// bounce finds it (ops/decisions/0018). Only where such a bounce is sure to come back to us; else the sender's own address
/// stays, and bounces go where they always went.
/// </summary>
internal sealed class ReturnPaths(SendingDomains domains, MailTokens tokens, IOptions<InboundOptions> inbound)
{
    /// <summary>Null where the envelope's own sender stays.</summary>
    /// <param name="author">The domain of the From field, so that SPF is aligned with it.</param>
    public async ValueTask<EnvelopeAddress?> FindAsync(Submission submission, string author, CancellationToken cancellation)
    {
        // The null sender stays null (RFC 5321, 4.5.5): nobody wants to hear of such mail. What a test key sends never leaves.
        if (!inbound.Value.Enabled || submission is not { Envelope.Sender: not null, Credential.Mode: MessageMode.Live, Source: not MessageSource.Report })
        {
            return null;
        }

        // Who asks to be told of success is told by the hosts behind us (RFC 3461, 4.1), which write to the sender they are given.
        if (submission.Envelope.Recipients.Any(recipient => recipient.Notify is { } notify && notify.HasFlag(DsnNotify.Success)))
        {
            return null;
        }

        return await domains.FindReturnPathAsync(submission.Credential.Account, author, cancellation) is { } domain
            && tokens.TryMint(TokenPurpose.ReturnPath, submission.Id, recipient: null, out var token)
                ? EnvelopeAddress.Parse($"{token}@{domain}")
                : null;
    }
}
