using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Relay.Intake.Admission;
using Relay.Intake.Composition;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Limits;
using Relay.Intake.Http.Repeating;
using Relay.Intake.Smtp;
using Relay.Mail.Accounts;
using Relay.Mail.Crashing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Signing;

namespace Relay.Intake.Http.Sending;

/// <summary><c>POST /send</c>: read, compose, admit, answer.</summary>
internal sealed class SendEndpoint(AdmissionGate gate, IContentStore contents, BodyBudget bodies, TimeProvider time, IOptions<SubmissionOptions> limits)
{
    private readonly SubmissionOptions _limits = limits.Value;

    // Attachments grow by a third in base 64; a megabyte holds everything else.
    private long MaxBody => (_limits.MaxMessageBytes * 4 / 3) + (1024 * 1024);

    public async Task<IResult> SendAsync(HttpContext context)
    {
        var credential = Caller.Of(context);
        // Held until the answer: composing takes as much again.
        await using var body = bodies.Open(context.Request.Body, credential.Account);
        var (request, idempotency) = await ReadAsync(context, body);
        var now = time.GetUtcNow();
        var draft = new DraftReader(request, _limits.MaxRecipients, now).Read();

        var id = idempotency is null ? gate.CreateId() : MessageId.Create(time, idempotency.SlotFor(credential.Account));
        var content = Composer.Write(draft.Letter, id, now);
        if (content.Length > _limits.MaxMessageBytes)
        {
            throw new ProblemException(Problem.TooLarge($"the message has {content.Length} octets; it may have {_limits.MaxMessageBytes}"));
        }

        var submission = SubmissionOf(draft, id, credential, content) with
        {
            Idempotency = idempotency,
            // Counts from when it is due, like the delivery's own expiry.
            ExpiresAt = draft.ExpiresIn is { } life ? (draft.SendAt > now ? draft.SendAt : now) + life : null,
        };
        return await AdmitAsync(submission, content, context.RequestAborted) switch
        {
            AdmissionResult.Admitted admitted => Answer(context, draft, admitted.Message.Id),
            AdmissionResult.Replayed replayed => Replay(context, draft, replayed.First),
            AdmissionResult.Refused refused => new ProblemAnswer(ProblemOf(refused.Refusal, now)),
            var other => throw new InvalidOperationException($"unknown result {other}"),
        };
    }

    private async Task<(SendRequest Request, IdempotencyKey? Idempotency)> ReadAsync(HttpContext context, Stream body)
    {
        if (IdempotencyHeader.Read(context) is not { } key)
        {
            return (await RequestBody.ReadAsync(context, body, MaxBody, ApiJson.Default.SendRequest), null);
        }

        using var sha256 = SHA256.Create();
        await using var hashed = new CryptoStream(body, sha256, CryptoStreamMode.Read, leaveOpen: true);
        var request = await RequestBody.ReadAsync(context, hashed, MaxBody, ApiJson.Default.SendRequest);
        return (request, new IdempotencyKey(key, Convert.ToHexStringLower(sha256.Hash!)));
    }

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

    private static IResult Answer(HttpContext context, Draft draft, MessageId id)
    {
        CrashPoints.Pass(CrashPoint.Before250);
        context.Response.Headers.Location = $"/messages/{id}";
        var recipients = draft.Recipients.Select(recipient => recipient.Address).Distinct();
        var answer = new SendAnswer(
            id.ToString(),
            Composer.MessageIdOf(draft.Letter, id),
            "queued",
            [.. recipients.Select(address => new SendAnswer.Recipient(address.Text, "queued"))]);
        return TypedResults.Json(answer, AnswerJson.Default.SendAnswer, statusCode: StatusCodes.Status202Accepted);
    }

    // The request is the same to the octet, so it gives the same answer about the first message.
    private static IResult Replay(HttpContext context, Draft draft, MessageId first)
    {
        IdempotencyHeader.MarkReplayed(context);
        return Answer(context, draft, first);
    }

    private static Problem ProblemOf(Refusal refusal, DateTimeOffset now) => refusal switch
    {
        { Quota: { } quota } => Problem.TooMany(refusal.Text, quota.Resets - now) with { Limit = LimitView.Exceeded(quota) },
        _ => ProblemOf(refusal),
    };

    private static Problem ProblemOf(Refusal refusal) => refusal.Reason switch
    {
        RefusalReason.NotAllowed or RefusalReason.SenderNotVerified or RefusalReason.KeyIsOver => Problem.Forbidden(refusal.Text, refusal.Field),
        RefusalReason.StoreFull or RefusalReason.StoreUnavailable => Problem.Unavailable(refusal.Text),
        RefusalReason.IdempotencyMismatch => Problem.Unprocessable(IdempotencyHeader.Name, refusal.Text),
        _ => Problem.Unprocessable(refusal.Field, refusal.Text),
    };
}
