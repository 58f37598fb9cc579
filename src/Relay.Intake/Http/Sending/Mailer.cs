using Microsoft.Extensions.Options;
using Relay.Intake.Admission;
using Relay.Intake.Composition;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Limits;
using Relay.Intake.Http.Repeating;
using Relay.Intake.Smtp;
using Relay.Intake.Templates;
using Relay.Mail.Accounts;
using Relay.Mail.Crashing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Signing;

namespace Relay.Intake.Http.Sending;

/// <summary>Takes one mail of a request: write, check, compose, admit.</summary>
internal sealed class Mailer(AdmissionGate gate, TemplatedMail templated, IContentStore contents, TimeProvider time, IOptions<SubmissionOptions> limits)
{
    private readonly SubmissionOptions _limits = limits.Value;

    /// <summary>Returns when the mail is durable.</summary>
    /// <param name="body">That the request came in.</param>
    /// <param name="batch">That it is one of; null where it came alone.</param>
    /// <exception cref="ProblemException">It was not taken.</exception>
    public async ValueTask<TakenMail> SendAsync(SendRequest request, BodyBudget.Share body, BatchSteps? batch, IdempotencyKey? idempotency, Credential credential, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        Draft draft;
        try
        {
            draft = DraftOf(await templated.WriteAsync(request, credential.Account, batch, cancellation), now);
        }
        catch (ProblemException) when (request.Template is not null && idempotency is not null)
        {
            // The template may have been changed or removed since; a repetition is about the first mail all the same.
            if (await gate.FindFirstAsync(credential, idempotency, cancellation) is { } first)
            {
                return Answer(first, DraftOf(request with { Subject = null, Text = "" }, now), now);
            }

            throw;
        }

        var id = idempotency is null ? gate.CreateId() : MessageId.Create(time, idempotency.SlotFor(credential.Account));
        var content = Composer.Write(draft.Letter, id, now);
        if (content.Length > _limits.MaxMessageBytes)
        {
            throw new ProblemException(Problem.TooLarge($"the message has {content.Length} octets; it may have {_limits.MaxMessageBytes}"));
        }

        // What no template wrote stands in the body, which counts already.
        using var written = request.Template is null ? null : body.Hold(content.Length);
        var submission = SubmissionOf(draft, id, credential, content) with
        {
            Idempotency = idempotency,
            // Counts from when it is due, like the delivery's own expiry.
            ExpiresAt = draft.ExpiresIn is { } life ? (draft.SendAt > now ? draft.SendAt : now) + life : null,
        };
        return Answer(await AdmitAsync(submission, content, cancellation), draft, now);
    }

    private Draft DraftOf(SendRequest request, DateTimeOffset now) => new DraftReader(request, _limits.MaxRecipients, now).Read();

    private static Submission SubmissionOf(Draft draft, MessageId id, Credential credential, byte[] content)
    {
        var head = content.AsMemory(0, Math.Min(content.Length, MessageContent.ChunkBytes));
        return new Submission
        {
            Id = id,
            Credential = credential,
            Source = MessageSource.Http,
            Envelope = new Envelope
            {
                Sender = draft.Letter.From.Address,
                Recipients = [.. draft.Recipients.Select(recipient => new Recipient { Address = recipient.Address })],
                SmtpUtf8 = draft.Letter.NeedsSmtpUtf8 || draft.Recipients.Any(recipient => recipient.NeedsSmtpUtf8),
                Tls = draft.Tls,
            },
            Trace = ReadOnlyMemory<byte>.Empty,
            Head = head,
            Chunks = (content.Length - head.Length + MessageContent.ChunkBytes - 1) / MessageContent.ChunkBytes,
            Length = content.Length,
            BodyHash = content.Length > head.Length ? BodyDigest.Of(content.AsSpan(BodyDigest.StartOfBody(content))) : default,
            HasEightBit = !System.Text.Ascii.IsValid(content),
            Class = draft.Class,
            Stream = draft.Stream,
            SendAt = draft.SendAt,
            Tags = draft.Tags,
            Metadata = draft.Metadata,
        };
    }

    // What is large is stored piece by piece before it is accepted. Where that fails midway, the pieces vanish by themselves.
    private async ValueTask<AdmissionResult> AdmitAsync(Submission submission, byte[] content, CancellationToken cancellation)
    {
        for (var chunk = 0; chunk < submission.Chunks; chunk++)
        {
            var start = (chunk + 1) * MessageContent.ChunkBytes;
            var octets = content.AsMemory(start, Math.Min(MessageContent.ChunkBytes, content.Length - start));
            await contents.WriteChunkAsync(submission.Id, chunk, octets, cancellation);
        }

        CrashPoints.Pass(CrashPoint.BodyStored);
        var result = await gate.AdmitAsync(submission, cancellation);
        // Where nobody knows whether it was accepted they may be needed; if not, they vanish by themselves.
        if (submission.Chunks > 0 && result is not (AdmissionResult.Admitted or AdmissionResult.Refused { Refusal.Reason: RefusalReason.StoreUnavailable }))
        {
            await contents.DiscardAsync(submission.Id, submission.Chunks);
        }

        return result;
    }

    // A request that is repeated is the same to the octet, so it gives the same answer about the first message.
    private static TakenMail Answer(AdmissionResult result, Draft draft, DateTimeOffset now) => result switch
    {
        AdmissionResult.Admitted admitted => new TakenMail(AnswerOf(draft, admitted.Message.Id), IsRepeated: false),
        AdmissionResult.Replayed replayed => new TakenMail(AnswerOf(draft, replayed.First), IsRepeated: true),
        AdmissionResult.Refused refused => throw new ProblemException(ProblemOf(refused.Refusal, now)),
        var other => throw new InvalidOperationException($"unknown result {other}"),
    };

    private static SendAnswer AnswerOf(Draft draft, MessageId id) => new(
        id.ToString(),
        Composer.MessageIdOf(draft.Letter, id),
        "queued",
        [.. draft.Recipients.Select(recipient => recipient.Address).Distinct().Select(address => new SendAnswer.Recipient(address.Text, "queued"))]);

    private static Problem ProblemOf(Refusal refusal, DateTimeOffset now) => refusal switch
    {
        { Quota: { } quota } => Problem.TooMany(refusal.Text, quota.Resets - now) with { Limit = LimitView.Exceeded(quota) },
        _ => ProblemOf(refusal),
    };

    private static Problem ProblemOf(Refusal refusal) => refusal.Reason switch
    {
        RefusalReason.NotAllowed or RefusalReason.SenderNotVerified or RefusalReason.KeyIsOver => Problem.Forbidden(refusal.Text, refusal.Field),
        RefusalReason.StoreFull or RefusalReason.StoreUnavailable => Problem.Unavailable(refusal.Text),
        RefusalReason.IdempotencyMismatch => Problem.Unprocessable(IdempotencyHeader.Name, "was used for another message within the last 24 hours"),
        _ => Problem.Unprocessable(refusal.Field, refusal.Text),
    };
}

/// <param name="IsRepeated">An earlier request was the same, and this is its mail.</param>
internal sealed record TakenMail(SendAnswer Answer, bool IsRepeated);
