using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Mail;
using Relay.Mail.Accounts;
using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Messages;

/// <summary><c>GET /messages</c> and <c>GET /messages/{id}</c>. Another account's message, or a live one asked for with a test key, is no different from none.</summary>
internal sealed class MessageEndpoints(IActivityReader activity, WaitingReasons waiting)
{
    private const int Batch = 200;

    // A filter looks through so many messages in one request; the cursor goes on from there.
    private const int MaxScan = 5_000;

    public async Task<IResult> FindAsync(HttpContext context, string id)
    {
        var caller = Caller.Of(context);
        var found = MessageId.TryParse(id, out var message)
            ? await activity.FindAsync(caller.Account, message, context.RequestAborted)
            : null;

        if (found is null || !MaySee(caller, found))
        {
            return new ProblemAnswer(Problem.NotFound("there is no message with this id, or no longer"));
        }

        var reasons = await waiting.InFullAsync(caller.Account, found, context.RequestAborted);
        return TypedResults.Json(MessageView.Of(found, reasons), AnswerJson.Default.MessageView);
    }

    public async Task<IResult> ListAsync(HttpContext context, string? limit, string? cursor, string? recipient, string? status)
    {
        var page = PageRequest.Of(limit, cursor);
        var state = StateOf(status);
        var caller = Caller.Of(context);

        var items = new List<MessageView>();
        var before = page.Before;
        for (var scanned = 0; ;)
        {
            var batch = await activity.ListAsync(caller.Account, before, Batch, context.RequestAborted);
            foreach (var found in batch)
            {
                before = found.Id;
                if (MaySee(caller, found) && IsWanted(found, recipient, state))
                {
                    items.Add(MessageView.Row(found, waiting.AtAGlance(caller.Account, found)));
                }

                if (items.Count == page.Limit)
                {
                    return PageOf(items, before);
                }
            }

            scanned += batch.Count;
            if (batch.Count < Batch)
            {
                return PageOf(items, null);
            }

            if (scanned >= MaxScan)
            {
                return PageOf(items, before);
            }
        }
    }

    /// <summary>A test key stands in scripts and on laptops: real customers are not its business.</summary>
    public static bool MaySee(Credential caller, MessageActivity found) =>
        caller.Mode == MessageMode.Live || found.Summary.Mode == MessageMode.Test;

    private static bool IsWanted(MessageActivity found, string? recipient, RecipientState? state) =>
        (recipient is null && state is null)
        || found.Recipients().Any(r =>
            (recipient is null || r.Email.Equals(recipient, StringComparison.OrdinalIgnoreCase)) && (state is null || r.State == state));

    private static RecipientState? StateOf(string? status) =>
        status is null ? null
        : Word.TryParse(status, out RecipientState state) ? state
        : throw new ProblemException(Problem.Unprocessable("status", $"must be one of {string.Join(", ", Enum.GetValues<RecipientState>().Select(Word.Of))}"));

    private static IResult PageOf(IReadOnlyList<MessageView> items, MessageId? next) =>
        TypedResults.Json(new Page<MessageView>(items, next?.ToString()), AnswerJson.Default.PageMessageView);
}
