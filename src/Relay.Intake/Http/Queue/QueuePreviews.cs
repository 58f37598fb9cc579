using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Json;
using Relay.Mail.Queue;

namespace Relay.Intake.Http.Queue;

/// <summary>Answers <c>?preview=true</c>: how many units an action would concern, and the first of them.</summary>
internal sealed class QueuePreviews(IQueueAdministration administration, ISuspensions suspensions)
{
    // What a person looks through before saying yes.
    private const int Units = 10;
    private const int Lanes = 20;

    public async Task<IResult> AnswerAsync(QueueSelector selector, AskKind? kind, CancellationToken cancellation)
    {
        var preview = await administration.PreviewAsync(selector, kind, Units, cancellation);
        var suspended = suspensions.Current;
        return TypedResults.Json(
            new PreviewView(
                preview.Units,
                preview.IsExact,
                [.. preview.Lanes.Take(Lanes).Select(lane => LaneView.Of(lane, suspended))],
                [.. preview.First.Select(unit => UnitView.Of(unit, suspended))]),
            AnswerJson.Default.PreviewView);
    }

    /// <exception cref="ProblemException">It says neither yes nor no: nothing is done by mistake.</exception>
    public static bool IsAsked(string? preview) => preview switch
    {
        null or "false" => false,
        "" or "true" => true,
        _ => throw new ProblemException(Problem.Unprocessable("preview", "must be true or false")),
    };
}
