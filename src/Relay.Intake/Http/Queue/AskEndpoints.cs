using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Keys;
using Relay.Mail.Queue;

namespace Relay.Intake.Http.Queue;

/// <summary><c>POST /queue/retry</c> and <c>POST /queue/bounce</c>. A single message that is being delivered right now is a conflict.</summary>
internal sealed class AskEndpoints(QueueRequestReader requests, QueuePreviews previews, IQueueAdministration administration, TimeProvider time)
{
    /// <summary>How long an owner may be silent before the caller is told that it goes on without them.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public Task<IResult> RetryAsync(HttpContext context, string? preview) => AskAsync(context, AskKind.Retry, preview);

    public Task<IResult> BounceAsync(HttpContext context, string? preview) => AskAsync(context, AskKind.Bounce, preview);

    private async Task<IResult> AskAsync(HttpContext context, AskKind kind, string? preview)
    {
        var onlyLooks = QueuePreviews.IsAsked(preview);
        var (selector, reason, _) = await requests.ReadAsync(context, needsReason: kind == AskKind.Bounce && !onlyLooks, takesUntil: false);
        if (onlyLooks)
        {
            return await previews.AnswerAsync(selector, kind, context.RequestAborted);
        }

        var answer = await administration.AskAsync(
            new QueueAsk
            {
                Id = ShortId.Create("ask"),
                Kind = kind,
                Selector = selector,
                Reason = reason,
                By = Caller.Of(context).Id,
                AskedAt = time.GetUtcNow(),
            },
            Patience,
            context.RequestAborted);

        return answer switch
        {
            { IsDone: false } => Answer("accepted", answer, StatusCodes.Status202Accepted),
            { InProgress.Count: > 0, Units: 0 } => new ProblemAnswer(Problem.Conflict("the message is being delivered right now; it ends as the remote says")),
            _ => Answer("done", answer, StatusCodes.Status200OK),
        };
    }

    private static IResult Answer(string status, AskAnswer answer, int code) =>
        TypedResults.Json(new AskView(status, answer.Units), AnswerJson.Default.AskView, statusCode: code);
}
