using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Repeating;
using Relay.Intake.Templates;
using Relay.Mail.Accounts;
using Relay.Mail.Crashing;
using Relay.Mail.Queue;

namespace Relay.Intake.Http.Sending;

/// <summary><c>POST /send/batch</c>: mails each of which is taken or refused as if it had come alone. Answered when all that were taken are durable.</summary>
internal sealed class BatchEndpoint(Mailer mailer, BodyBudget bodies)
{
    /// <summary>Octets of a batch: the largest mail and some smaller ones.</summary>
    public const long MaxBody = 64 * 1024 * 1024;

    // Under way together, so that they share the store's round trips; each stands composed in memory.
    private const int AtATime = 50;

    public async Task<IResult> SendAsync(HttpContext context)
    {
        var credential = Caller.Of(context);
        await using var body = bodies.Open(context.Request.Body, credential.Account);
        var (batch, octets) = await RequestBody.ReadWholeAsync(context, body, MaxBody, ApiJson.Default.BatchRequest);
        if (batch.Mails.Count == 0)
        {
            return new ProblemAnswer(Problem.Unprocessable(null, "the body holds no messages"));
        }

        var key = IdempotencyHeader.Read(context);
        var steps = new BatchSteps();
        var items = new List<BatchAnswer.Item>(batch.Mails.Count);
        foreach (var together in batch.Mails.Chunk(AtATime))
        {
            var first = items.Count;
            items.AddRange(await Task.WhenAll(together.Select((mail, i) => SendAsync(octets[mail], body, steps, key is null ? null : KeyOf(key, first + i, octets[mail].Span), credential, context.RequestAborted))));
        }

        if (items.Exists(item => item.Status is StatusCodes.Status503ServiceUnavailable or StatusCodes.Status429TooManyRequests))
        {
            OnceOnly.LeaveOpen(context);
        }

        CrashPoints.Pass(CrashPoint.Before250);
        var status = items.TrueForAll(item => item.Message is not null) ? StatusCodes.Status202Accepted : StatusCodes.Status200OK;
        return TypedResults.Json(new BatchAnswer(items), AnswerJson.Default.BatchAnswer, statusCode: status);
    }

    private async Task<BatchAnswer.Item> SendAsync(
        ReadOnlyMemory<byte> mail, BodyBudget.Share body, BatchSteps steps, IdempotencyKey? idempotency, Credential credential, CancellationToken cancellation)
    {
        try
        {
            var taken = await mailer.SendAsync(RequestBody.Read(mail.Span, ApiJson.Default.SendRequest), body, steps, idempotency, credential, cancellation);
            return new BatchAnswer.Item(StatusCodes.Status202Accepted) { Message = taken.Answer };
        }
        catch (ProblemException exception)
        {
            return new BatchAnswer.Item(exception.Problem.Status) { Problem = exception.Problem };
        }
        catch (StoreUnavailableException)
        {
            return new BatchAnswer.Item(StatusCodes.Status503ServiceUnavailable) { Problem = Problem.Unavailable("the store does not answer right now; try again later") };
        }
    }

    // The answer to the batch is kept as that of other requests is. Should a crash come before, or a part of it have failed for
    // now, a repetition meets what was taken mail by mail. No client's own key holds a space.
    private static IdempotencyKey KeyOf(string key, int place, ReadOnlySpan<byte> mail) =>
        new($"{key} {place}", Convert.ToHexStringLower(SHA256.HashData(mail)));
}
