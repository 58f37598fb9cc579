using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Mail.Inbox;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Inbox;

/// <summary><c>GET /inbox</c>, <c>/inbox/{id}</c>, <c>/inbox/{id}/raw</c>: what was sent with a test key.</summary>
internal sealed class InboxEndpoints(IInbox inbox)
{
    // Of mails that are being shown, until they have arrived; taken apart and written down each costs several times its size.
    private const long MostShown = 64 * 1024 * 1024;

    private readonly OctetBudget _shown = new(MostShown);

    public async Task<IResult> ListAsync(HttpContext context, string? limit, string? cursor)
    {
        var page = PageRequest.Of(limit, cursor);
        var found = await inbox.ListAsync(Caller.Of(context).Account, page.Before, page.Limit + 1, context.RequestAborted);
        var next = found.Count > page.Limit ? found[page.Limit - 1].Id.ToString() : null;
        return TypedResults.Json(new Page<CapturedView>([.. found.Take(page.Limit).Select(CapturedView.Row)], next), AnswerJson.Default.PageCapturedView);
    }

    public async Task<IResult> FindAsync(HttpContext context, string id) =>
        await FindCapturedAsync(context, id) is not { } captured ? NotFound()
        : captured.IsTooLarge ? Answer(CapturedView.Row(captured))
        : await ReadAsync(context, captured) is { } raw ? Answer(CapturedView.Of(captured, raw))
        : NotFound();

    public async Task<IResult> ReadRawAsync(HttpContext context, string id)
    {
        if (await FindCapturedAsync(context, id) is not { } captured || await ReadAsync(context, captured) is not { } raw)
        {
            return NotFound();
        }

        // A browser must not take somebody's mail for a page of ours.
        context.Response.Headers.XContentTypeOptions = "nosniff";
        return TypedResults.Bytes(raw, "message/rfc822");
    }

    private async ValueTask<CapturedMessage?> FindCapturedAsync(HttpContext context, string id) =>
        MessageId.TryParse(id, out var message) ? await inbox.FindAsync(Caller.Of(context).Account, message, context.RequestAborted) : null;

    /// <exception cref="ProblemException">Too much is being shown already, or it was not kept.</exception>
    private async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(HttpContext context, CapturedMessage captured)
    {
        if (captured.IsTooLarge)
        {
            throw new ProblemException(Problem.NotFound(CapturedView.TooLarge));
        }

        var account = Caller.Of(context).Account;
        var held = _shown.Open(account);
        context.Response.RegisterForDispose(held);
        return held.TryGrow(captured.Size)
            ? await inbox.ReadRawAsync(account, captured.Id, context.RequestAborted)
            : throw new ProblemException(Problem.Unavailable("too many large messages are being shown right now; try again later"));
    }

    private static IResult Answer(CapturedView view) => TypedResults.Json(view, AnswerJson.Default.CapturedView);

    private static ProblemAnswer NotFound() => new(Problem.NotFound("the inbox has no message with this id, or no longer"));
}
