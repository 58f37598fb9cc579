using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Keys;
using Relay.Intake.Http.Queue;
using Relay.Mail;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Intake.Http.Messages;

/// <summary>
/// <c>DELETE /messages/{id}</c>: what has not gone out yet does not. 200 when each recipient either was cancelled or had
/// ended before, 409 when nothing could be cancelled or something is on its way, 202 when its owner is silent.
/// </summary>
internal sealed class CancelEndpoint(IActivityReader activity, IQueueReader queue, IQueueAdministration administration, TimeProvider time)
{
    private const int MaxReason = 500;
    private const string Sending = "sending";

    public async Task<IResult> CancelAsync(HttpContext context, string id, string? reason)
    {
        if (reason is { Length: > MaxReason } || (reason is not null && !Composition.PlainText.IsOneLine(reason)))
        {
            throw new ProblemException(Problem.Unprocessable("reason", $"must be at most {MaxReason} characters on one line"));
        }

        var caller = Caller.Of(context);
        if (!MessageId.TryParse(id, out var message)
            || await activity.FindAsync(caller.Account, message, context.RequestAborted) is not { } found
            || !MessageEndpoints.MaySee(caller, found))
        {
            return new ProblemAnswer(Problem.NotFound("there is no message with this id, or no longer"));
        }

        if (found.IsOver())
        {
            return Answer(found, []);
        }

        var answer = await administration.AskAsync(
            new QueueAsk
            {
                Id = ShortId.Create("ask"),
                Kind = AskKind.Cancel,
                Selector = new QueueSelector { Account = caller.Account, Message = message },
                Reason = string.IsNullOrWhiteSpace(reason) ? "cancelled at the sender's request" : reason,
                By = caller.Id,
                AskedAt = time.GetUtcNow(),
            },
            AskEndpoints.Patience,
            context.RequestAborted);

        var sending = await OnTheirWayAsync(message, answer, context.RequestAborted);
        var now = await activity.FindAsync(caller.Account, message, context.RequestAborted) ?? found;
        return answer.IsDone ? Answer(now, sending) : Answer("accepted", now, sending, StatusCodes.Status202Accepted);
    }

    private async Task<HashSet<string>> OnTheirWayAsync(MessageId message, AskAnswer answer, CancellationToken cancellation) =>
        answer.InProgress.Count == 0
            ? []
            : [.. (await queue.FindUnitsAsync(message, cancellation)).Where(u => answer.InProgress.Contains(u.Id)).SelectMany(u => u.Recipients)];

    private static IResult Answer(MessageActivity now, HashSet<string> sending)
    {
        var recipients = now.Recipients();
        return sending.Count == 0 && recipients.Any(r => r.State == RecipientState.Cancelled)
            ? Answer("cancelled", now, sending, StatusCodes.Status200OK)
            : new ProblemAnswer(
                Problem.Conflict(sending.Count > 0
                    ? "some of the message is being delivered right now, and ends as the remote says"
                    : "nothing of the message waits any more") with
                {
                    Recipients = ViewsOf(recipients, sending),
                });
    }

    private static IResult Answer(string status, MessageActivity now, HashSet<string> sending, int code) =>
        TypedResults.Json(
            new CancelAnswer(now.Id.ToString(), status, ViewsOf(now.Recipients(), sending)), AnswerJson.Default.CancelAnswer, statusCode: code);

    private static IReadOnlyList<RecipientResult> ViewsOf(IReadOnlyList<RecipientStatus> recipients, HashSet<string> sending) =>
        [.. recipients.Select(r => new RecipientResult(r.Email, !r.HasEnded && sending.Contains(r.Email) ? Sending : Word.Of(r.State)))];
}

internal sealed record CancelAnswer(string Id, string Status, IReadOnlyList<RecipientResult> Recipients);

/// <param name="Status">As in <c>GET /messages/{id}</c>, or <c>sending</c>: past the point of no return.</param>
internal sealed record RecipientResult(string Email, string Status);
