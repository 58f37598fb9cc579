using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Repeating;
using Relay.Intake.Smtp;
using Relay.Mail.Crashing;
using Relay.Mail.Queue;

namespace Relay.Intake.Http.Sending;

/// <summary><c>POST /send</c>: read, send, answer.</summary>
internal sealed class SendEndpoint(Mailer mailer, BodyBudget bodies, IOptions<SubmissionOptions> limits)
{
    // Attachments grow by a third in base 64; a megabyte holds everything else.
    private readonly long _maxBody = (limits.Value.MaxMessageBytes * 4 / 3) + (1024 * 1024);

    public async Task<IResult> SendAsync(HttpContext context)
    {
        var credential = Caller.Of(context);
        // Held until the answer: composing takes as much again.
        await using var body = bodies.Open(context.Request.Body, credential.Account);
        var (request, idempotency) = await ReadAsync(context, body);
        var taken = await mailer.SendAsync(request, body, batch: null, idempotency, credential, context.RequestAborted);

        if (taken.IsRepeated)
        {
            IdempotencyHeader.MarkReplayed(context);
        }

        CrashPoints.Pass(CrashPoint.Before250);
        context.Response.Headers.Location = $"/messages/{taken.Answer.Id}";
        return TypedResults.Json(taken.Answer, AnswerJson.Default.SendAnswer, statusCode: StatusCodes.Status202Accepted);
    }

    private async Task<(SendRequest Request, IdempotencyKey? Idempotency)> ReadAsync(HttpContext context, Stream body)
    {
        if (IdempotencyHeader.Read(context) is not { } key)
        {
            return (await RequestBody.ReadAsync(context, body, _maxBody, ApiJson.Default.SendRequest), null);
        }

        using var sha256 = SHA256.Create();
        await using var hashed = new CryptoStream(body, sha256, CryptoStreamMode.Read, leaveOpen: true);
        var request = await RequestBody.ReadAsync(context, hashed, _maxBody, ApiJson.Default.SendRequest);
        return (request, new IdempotencyKey(key, Convert.ToHexStringLower(sha256.Hash!)));
    }
}
