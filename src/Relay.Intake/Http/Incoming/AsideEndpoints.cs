using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Json;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Incoming;

/// <summary><c>GET /incoming/aside</c> and <c>/incoming/aside/{id}/raw</c>: mail that came back and that nobody could make anything of.</summary>
internal sealed class AsideEndpoints(IIncomingStore incoming)
{
    public async Task<IResult> ListAsync(HttpContext context)
    {
        var kept = await incoming.ListAsideAsync(context.RequestAborted);
        return TypedResults.Json(new Page<AsideView>([.. kept.Select(AsideView.Of)], Next: null), AnswerJson.Default.PageAsideView);
    }

    public async Task<IResult> ReadRawAsync(HttpContext context, string id)
    {
        var kept = MessageId.TryParse(id, out var named) ? (await incoming.ListAsideAsync(context.RequestAborted)).FirstOrDefault(mail => mail.Id == named) : null;
        if (kept is null)
        {
            return new ProblemAnswer(Problem.NotFound("no mail is kept aside under this id, or no longer"));
        }

        // A browser must not take a stranger's mail for a page of ours.
        context.Response.Headers.XContentTypeOptions = "nosniff";
        return TypedResults.Bytes(kept.Content, "message/rfc822");
    }
}

/// <param name="Reason">Why nobody could make anything of it.</param>
/// <param name="Sender">The reverse-path; empty for the null sender.</param>
/// <param name="Client">The address that brought it.</param>
/// <param name="About">The message that the recipient's address was made for.</param>
/// <param name="Size">Octets of the whole; the first 32 KiB are kept.</param>
internal sealed record AsideView(string Id, DateTimeOffset Time, string Reason, string Recipient, string Sender, string Client, string? About, long Size)
{
    public static AsideView Of(AsideMail mail) =>
        new(mail.Id.ToString(), mail.Time, mail.Reason, mail.Recipient, mail.Sender, mail.Client, mail.About?.ToString(), mail.Length);
}
