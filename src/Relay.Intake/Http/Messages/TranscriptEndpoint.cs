using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Mail;
using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Messages;

/// <summary><c>GET /messages/{id}/transcripts</c>: what was said in the attempts that failed.</summary>
internal sealed class TranscriptEndpoint(IActivityReader activity, ITranscriptStore transcripts)
{
    public async Task<IResult> ListAsync(HttpContext context, string id)
    {
        var caller = Caller.Of(context);
        if (!MessageId.TryParse(id, out var message)
            || await activity.FindAsync(caller.Account, message, context.RequestAborted) is not { } found
            || !MessageEndpoints.MaySee(caller, found))
        {
            return new ProblemAnswer(Problem.NotFound("there is no message with this id, or no longer"));
        }

        var kept = await transcripts.ReadAsync(message, context.RequestAborted);
        return TypedResults.Json(new Page<TranscriptView>([.. kept.Select(TranscriptView.Of)], null), AnswerJson.Default.PageTranscriptView);
    }
}

/// <summary>A dialogue as the API shows it. There is no login and no content in it.</summary>
/// <param name="Sample">Nothing failed: it is kept as an example.</param>
internal sealed record TranscriptView(DateTimeOffset Time, int Attempt, string Domain, bool Sample, IReadOnlyList<TranscriptLineView> Lines)
{
    public static TranscriptView Of(Transcript kept) => new(
        kept.Time, kept.Attempt, kept.Domain, kept.IsSample, [.. kept.Lines.Select(line => new TranscriptLineView(line.At, Word.Of(line.Voice), line.Text))]);
}

/// <param name="Voice"><c>us</c>, <c>them</c>, or <c>note</c> for what was not said.</param>
internal sealed record TranscriptLineView(DateTimeOffset Time, string Voice, string Text);
