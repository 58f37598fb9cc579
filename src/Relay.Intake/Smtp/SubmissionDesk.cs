using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Relay.Intake.Admission;
using Relay.Mail.Accounts;
using Relay.Mail.Crashing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Smtp.Addresses;
using Relay.Smtp.Commands;
using Relay.Smtp.Replies;

namespace Relay.Intake.Smtp;

/// <summary>Behind the submission door stands the gate: mail of those who logged in, to anybody.</summary>
internal sealed class SubmissionDesk(
    AdmissionGate gate, IContentStore contents, TimeSpan repeatsWithin, string hostName, IntakeMetrics metrics, TimeProvider time, ILogger logger) : IMailDesk
{
    private readonly StoredContents _contents = new(contents);

    public IContentPlace PlaceFor(Transaction transaction) => _contents;

    public async ValueTask<SmtpReply?> CheckSenderAsync(SmtpCommand.Mail mail, Credential? credential)
    {
        if (await gate.CheckSenderAsync(credential!, mail.Sender, CancellationToken.None) is not { } refusal)
        {
            return null;
        }

        metrics.Refused(MessageSource.Smtp, refusal.Reason);
        logger.SenderRefused(credential!.Account, refusal.Reason, refusal.Text);
        return Replies.OfSender(refusal);
    }

    // Whose postmaster would that be?
    public ValueTask<SmtpReply?> CheckRecipientAsync(Transaction transaction, EnvelopeAddress recipient) =>
        ValueTask.FromResult(recipient.IsBarePostmaster ? Replies.NoDomain : null);

    public MessageId CreateId(Transaction transaction, ReadOnlyMemory<byte> head) => gate.CreateId(transaction.Credential!, head, mayRepeat: repeatsWithin > TimeSpan.Zero);

    public async ValueTask<DeskAnswer> TakeAsync(Transaction transaction, IncomingContent content, DeskFacts facts)
    {
        CrashPoints.Pass(CrashPoint.BodyStored);
        var envelope = transaction.ToEnvelope();
        var submission = new Submission
        {
            Id = content.Id,
            Credential = transaction.Credential!,
            Source = MessageSource.Smtp,
            Envelope = envelope,
            Trace = TraceLine.Of(TraceFacts.Of(facts, envelope, hostName, authenticated: true), content.Id, time.GetUtcNow()),
            Head = content.Head,
            Chunks = content.Chunks,
            Length = content.Length,
            BodyHash = content.BodyHash,
            HasEightBit = content.HasEightBit,
            RepeatsWithin = repeatsWithin,
        };

        // The store decides within its own time.
        switch (await gate.AdmitAsync(submission, CancellationToken.None))
        {
            case AdmissionResult.Admitted:
                content.Keep();
                CrashPoints.Pass(CrashPoint.Before250);
                return new DeskAnswer(content.Id);
            case AdmissionResult.Replayed { First: var first }:
                return new DeskAnswer(first);
            case AdmissionResult.Refused { Refusal: var refusal }:
                if (refusal.Reason == RefusalReason.StoreUnavailable)
                {
                    // Nobody knows whether it was accepted: it may be needed. If not, it vanishes by itself.
                    content.Keep();
                }

                return DeskAnswer.No(Replies.Of(refusal));
            default:
                throw new UnreachableException();
        }
    }
}
