using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Http;
using MimeKit;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Mail.Inbox;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Inbox;

/// <summary><c>GET /inbox</c>, <c>/inbox/{id}</c>, <c>/inbox/{id}/raw</c>: what was sent with a test key.</summary>
internal sealed class InboxEndpoints(IInbox inbox)
{
    // Deeper than any mail program nests; what is below is left unread.
    private static readonly ParserOptions Bounded = new() { MaxMimeDepth = 32 };

    public async Task<IResult> ListAsync(HttpContext context, string? limit, string? cursor)
    {
        var page = PageRequest.Of(limit, cursor);
        var found = await inbox.ListAsync(Caller.Of(context).Account, page.Before, page.Limit, context.RequestAborted);
        var next = found.Count == page.Limit ? found[^1].Id.ToString() : null;
        return TypedResults.Json(new Page<CapturedView>([.. found.Select(CapturedView.Row)], next), AnswerJson.Default.PageCapturedView);
    }

    public async Task<IResult> FindAsync(HttpContext context, string id)
    {
        if (!MessageId.TryParse(id, out var message)
            || await inbox.FindAsync(Caller.Of(context).Account, message, context.RequestAborted) is not { } captured
            || await inbox.ReadRawAsync(Caller.Of(context).Account, message, context.RequestAborted) is not { } raw)
        {
            return NotFound();
        }

        using var content = await MimeMessage.LoadAsync(Bounded, StreamOf(raw), context.RequestAborted);
        return TypedResults.Json(CapturedView.Of(captured, content), AnswerJson.Default.CapturedView);
    }

    public async Task<IResult> ReadRawAsync(HttpContext context, string id)
    {
        if (!MessageId.TryParse(id, out var message)
            || await inbox.ReadRawAsync(Caller.Of(context).Account, message, context.RequestAborted) is not { } raw)
        {
            return NotFound();
        }

        // A browser must not take somebody's mail for a page of ours.
        context.Response.Headers.XContentTypeOptions = "nosniff";
        return TypedResults.Bytes(raw, "message/rfc822");
    }

    private static ProblemAnswer NotFound() => new(Problem.NotFound("the inbox has no message with this id, or no longer"));

    private static MemoryStream StreamOf(ReadOnlyMemory<byte> octets) => MemoryMarshal.TryGetArray(octets, out var array)
        ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
        : new MemoryStream(octets.ToArray(), writable: false);
}
