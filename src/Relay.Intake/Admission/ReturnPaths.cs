using Microsoft.Extensions.Options;
using Relay.Intake.Domains;
using Relay.Intake.Smtp;
using Relay.Mail.Messages;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Admission;

/// <summary>
/// Whom the world is told as the sender of a message: an address of ours, signed and made for this one message, so that a
/// bounce finds it (ops/decisions/0022). Only where such a bounce is sure to come back to us; else the sender's own address
/// stays, and bounces go where they always went.
/// </summary>
internal sealed class ReturnPaths(SendingDomains domains, MailTokens tokens, IOptions<InboundOptions> inbound)
{
    /// <summary>Null where the envelope's own sender stays.</summary>
    /// <param name="author">The domain of the From field, so that SPF is aligned with it.</param>
    public async ValueTask<EnvelopeAddress?> FindAsync(Submission submission, string author, CancellationToken cancellation)
    {
        // The null sender stays null (RFC 5321, 4.5.5): nobody wants to hear of such mail. What a test key sends never leaves.
        if (submission is not { Envelope.Sender: not null, Credential.Mode: MessageMode.Live, Source: not MessageSource.Report })
        {
            return null;
        }

        // Who asks to be told of success is told by the hosts behind us (RFC 3461, 4.1), which write to the sender they are given.
        if (submission.Envelope.Recipients.Any(recipient => recipient.Notify is { } notify && notify.HasFlag(DsnNotify.Success)))
        {
            return null;
        }

        return await FindAsync(submission.Credential.Account, submission.Id, author, cancellation);
    }

    /// <summary>The return path of a message below a domain; null where there is none that works.</summary>
    public async ValueTask<EnvelopeAddress?> FindAsync(string account, MessageId message, string domain, CancellationToken cancellation) =>
        inbound.Value.Enabled
        && await domains.FindReturnPathAsync(account, domain, cancellation) is { } name
        && tokens.TryMint(TokenPurpose.ReturnPath, message, recipient: null, out var token)
            ? EnvelopeAddress.Parse($"{token}@{name}")
            : null;
}
