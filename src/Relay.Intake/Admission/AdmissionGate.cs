using System.Diagnostics;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Intake.Composition;
using Relay.Intake.Domains;
using Relay.Intake.Limits;
using Relay.Mail;
using Relay.Mail.Accounts;
using Relay.Mail.Lists;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Signing;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Admission;

/// <summary>The one gate behind every door: may they send as this, and is it durable. Who they are is for <see cref="Logins"/> to say.</summary>
internal sealed partial class AdmissionGate(
    IMailQueue queue,
    Credentials credentials,
    SendingDomains domains,
    SenderRules senders,
    ReturnPaths returnPaths,
    Alignments alignments,
    ListFields lists,
    Quotas quotas,
    KeyPace pace,
    IOptions<RelayOptions> relay,
    TimeProvider time,
    IntakeMetrics metrics,
    ILogger<AdmissionGate> logger)
{
    private static readonly Refusal KeyIsOver =
        new(RefusalReason.KeyIsOver, "this key was revoked or has expired; log in with another one");

    /// <summary>May this credential, which may have been revoked since it logged in, use this reverse-path? Null means yes.</summary>
    /// <remarks>Whether its quota has room is asked when the message is there: one that repeats an accepted one needs none.</remarks>
    public async ValueTask<Refusal?> CheckSenderAsync(Credential credential, EnvelopeAddress? sender, CancellationToken cancellation)
    {
        try
        {
            var present = await credentials.NowAsync(credential, cancellation);
            return present.IsGoodAt(time.GetUtcNow()) ? await senders.CheckAsync(credential, sender, cancellation) : KeyIsOver;
        }
        catch (StoreUnavailableException exception)
        {
            LogStoreUnavailable(exception);
            return Unavailable(exception.IsFull);
        }
    }

    /// <summary>An id for a submission without an idempotency key, in a slot of the queue's choice.</summary>
    public MessageId CreateId() => MessageId.Create(time, queue.ChooseSlot());

    /// <summary>
    /// An id for a submission whose first octets are at hand: in the slot of its Idempotency-Key where the header has
    /// one, so that a repetition meets the first; anywhere otherwise.
    /// </summary>
    /// <param name="mayRepeat">Mail without such a key may be a repetition too (<see cref="Submission.RepeatsWithin"/>).</param>
    public MessageId CreateId(Credential credential, ReadOnlyMemory<byte> head, bool mayRepeat = false)
    {
        // What is wrong with the header is found when it is admitted.
        if (!HeaderBlock.TryRead(head, isWhole: true, out var header, out _))
        {
            return CreateId();
        }

        if (header.Count(HeaderField.IdempotencyKey) == 0)
        {
            return mayRepeat && Repeats.SlotOf(credential, header) is { } slot ? MessageId.Create(time, slot) : CreateId();
        }

        var key = HeaderText.Unfold(header.Value(HeaderField.IdempotencyKey));
        return MessageId.Create(time, new IdempotencyKey(key, "").SlotFor(credential.Account));
    }

    /// <summary>Checks the content's header and author, completes Date and Message-ID, signs, and enqueues.</summary>
    public async ValueTask<AdmissionResult> AdmitAsync(Submission submission, CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        using var activity = IntakeMetrics.Activities.StartActivity("admit");

        var result = await TryAdmitAsync(submission, cancellation);
        if (result is AdmissionResult.Refused { Refusal: var refusal })
        {
            activity?.SetStatus(ActivityStatusCode.Error, refusal.Text);
            metrics.Refused(submission.Source, refusal.Reason);
            LogRefused(submission.Id, submission.Credential.Account, refusal.Reason, refusal.Text);
        }
        else
        {
            metrics.Accepted(submission.Source, time.GetElapsedTime(started));
            LogAccepted(submission.Id, submission.Credential.Account, submission.Envelope.Recipients.Count, submission.Length);
        }

        return result;
    }

    /// <summary>What became of the first message with this key: replayed, or refused where it was another one. Null when there was none.</summary>
    public async ValueTask<AdmissionResult?> FindFirstAsync(Credential credential, IdempotencyKey idempotency, CancellationToken cancellation) =>
        await queue.FindFirstAsync(credential.Account, idempotency, cancellation) is { } first ? ResultOf(first, idempotency) : null;

    private async ValueTask<AdmissionResult> TryAdmitAsync(Submission submission, CancellationToken cancellation)
    {
        var credential = submission.Credential;
        if (submission.Envelope.Recipients.Count == 0)
        {
            return Refuse(RefusalReason.NoRecipients, "the message has no recipient", "to");
        }

        if (!HeaderBlock.TryRead(submission.Head, submission.Chunks == 0, out var header, out var problem))
        {
            return Refuse(RefusalReason.HeaderInvalid, problem);
        }

        if (Authors.Read(header, out var authors) is { } unsound)
        {
            return new AdmissionResult.Refused(unsound);
        }

        if (!Idempotency.TryRead(submission, header, out var idempotency))
        {
            return Refuse(RefusalReason.HeaderInvalid, $"the Idempotency-Key field {Idempotency.KeyRule}");
        }

        // Behind the key's fingerprint, which is of what the client said.
        if (submission.Source == MessageSource.Smtp)
        {
            submission = WithheldFields.LeftOutOf(submission, ref header, relay.Value.HostName);
        }

        if (!Kind.TryRead(submission, header, out var kind, out var unclear))
        {
            return Refuse(RefusalReason.HeaderInvalid, unclear);
        }

        var recipients = RecipientList.Distinct(submission.Envelope.Recipients);
        DkimSigner? signer;
        EnvelopeAddress? returnPath;
        Alignment alignment;
        ListMail list;
        QuotaTaken taken;
        Credential present;
        try
        {
            // In SMTP a session may be hours old; whoever speaks HTTP was let in a moment ago.
            present = submission.Source == MessageSource.Smtp ? await credentials.NowAsync(credential, cancellation) : credential;
            if (await CheckAsync(submission, present, authors, kind, cancellation) is { } refusal)
            {
                return new AdmissionResult.Refused(refusal);
            }

            signer = await domains.FindSignerAsync(credential.Account, authors.From[0].Domain, cancellation);
            returnPath = await returnPaths.FindAsync(submission, authors.From[0].Domain, cancellation);
            alignment = await alignments.FindAsync(
                credential.Account, authors.From[0].Domain, signer?.Domain, returnPath, submission.Envelope.Sender, cancellation);
            if (!ListMail.TryWrite(lists, submission, header, kind, recipients, returnPath?.Domain, out list))
            {
                // A node that has not read them yet: without a link the mail would be refused elsewhere.
                return Refuse(RefusalReason.StoreUnavailable, "the keys of links to unsubscribe are not known yet; try again later");
            }

            (var exceeded, taken) = IsCounted(submission) ? await quotas.TryTakeAsync(present, recipients.Count, cancellation) : default;
            if (exceeded is not null)
            {
                // A message that was accepted took its part then; its repetition is told so, whatever is left by now.
                return (idempotency is null ? null : await FindFirstAsync(credential, idempotency, cancellation))
                    ?? new AdmissionResult.Refused(Refusal.Of(exceeded, recipients.Count));
            }
        }
        catch (StoreUnavailableException exception)
        {
            LogStoreUnavailable(exception);
            return new AdmissionResult.Refused(Unavailable(exception.IsFull));
        }
        catch (CryptographicException exception)
        {
            // Unsigned it would be refused for good wherever DMARC is strict; a secret that is missing here can be given.
            LogKeyUnusable(authors.From[0].Domain, credential.Account, exception);
            return new AdmissionResult.Refused(Unavailable(full: false));
        }

        EnqueueResult? result = null;
        try
        {
            var findings = new GateFindings(header, recipients, kind, list, authors.From[0].Domain, signer, returnPath, alignment, TakeTurn(submission, present));
            var message = findings.ToMessage(submission, time.GetUtcNow());
            result = await queue.EnqueueAsync(message, idempotency, cancellation);
            return result is EnqueueResult.Accepted ? new AdmissionResult.Admitted(message) : ResultOf(result, idempotency);
        }
        finally
        {
            // Where the answer was not seen it may stand in the store's count.
            taken.End(isWritten: result is EnqueueResult.Accepted or EnqueueResult.StoreUnavailable);
            if (result is EnqueueResult.Duplicate or EnqueueResult.StoreFull && IsCounted(submission))
            {
                pace.GiveBack(present);
            }
        }
    }

    // What the relay writes itself is nobody's pretence.
    private async ValueTask<Refusal?> CheckAsync(Submission submission, Credential present, Authors authors, Kind kind, CancellationToken cancellation) =>
        submission.Source == MessageSource.Report ? null
        : submission.Source == MessageSource.Smtp && !present.IsGoodAt(time.GetUtcNow()) ? KeyIsOver
        : await senders.CheckAsync(submission.Credential, submission.Envelope.Sender, cancellation)
            ?? await senders.CheckAsync(submission.Credential, authors, kind.Class, cancellation);

    private static bool IsCounted(Submission submission) =>
        submission.Source != MessageSource.Report && submission.Credential.Mode == MessageMode.Live;

    private DateTimeOffset? TakeTurn(Submission submission, Credential present)
    {
        var turn = IsCounted(submission) ? pace.TakeTurn(present) : null;
        if (turn is not null)
        {
            metrics.Paced();
        }

        return turn;
    }

    private static AdmissionResult ResultOf(EnqueueResult result, IdempotencyKey? idempotency) => result switch
    {
        EnqueueResult.Duplicate first when first.Fingerprint == idempotency?.Fingerprint => new AdmissionResult.Replayed(first.First),
        EnqueueResult.Duplicate => Refuse(RefusalReason.IdempotencyMismatch, "this Idempotency-Key was used for another message within the last 24 hours"),
        EnqueueResult.StoreFull => new AdmissionResult.Refused(Unavailable(full: true)),
        EnqueueResult.StoreUnavailable => new AdmissionResult.Refused(Unavailable(full: false)),
        _ => throw new UnreachableException(),
    };

    private static Refusal Unavailable(bool full) => full
        ? new Refusal(RefusalReason.StoreFull, "there is no room for more mail right now; try again later")
        : new Refusal(RefusalReason.StoreUnavailable, "the message could not be stored right now; try again later");

    private static AdmissionResult.Refused Refuse(RefusalReason reason, string text, string? field = null) => new(new Refusal(reason, text, field));

    [LoggerMessage(Level = LogLevel.Debug, Message = "Accepted {MessageId} for account {Account}: {Recipients} recipients, {Octets} octets")]
    private partial void LogAccepted(MessageId messageId, string account, int recipients, long octets);

    [LoggerMessage(Level = LogLevel.Information, Message = "Refused {MessageId} of account {Account}, {Reason}: {Text}")]
    private partial void LogRefused(MessageId messageId, string account, RefusalReason reason, string text);

    [LoggerMessage(Level = LogLevel.Error, Message = "A DKIM key for {Domain} of account {Account} cannot be used: its mail is put off")]
    private partial void LogKeyUnusable(string domain, string account, CryptographicException exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The store of accounts did not answer")]
    private partial void LogStoreUnavailable(StoreUnavailableException exception);
}
