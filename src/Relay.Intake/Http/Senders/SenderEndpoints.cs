using Microsoft.AspNetCore.Http;
using Relay.Intake.Admission;
using Relay.Intake.Domains;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Keys;
using Relay.Mail.Accounts;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Http.Senders;

/// <summary><c>/senders</c>: single addresses that an account may send as once whoever reads their mail has said yes. Named by id or by address.</summary>
internal sealed class SenderEndpoints(ISenderStore senders, SendingAddresses known, SenderRules rules, ConfirmationMail mail, TimeProvider time)
{
    // For a domain with more of them its owner verifies the domain.
    private const int MaxSenders = 100;

    public async Task<IResult> CreateAsync(HttpContext context)
    {
        Reach.RequireWhole(context);
        var request = await RequestBody.ReadAsync(context, ApiJson.Default.SenderRequest);
        if (!EnvelopeAddress.TryParse(request.Email, out var address, out var problem))
        {
            throw new ProblemException(Problem.Unprocessable("email", $"is not an address: {problem}"));
        }

        // Its owner would say yes, and nothing could be sent as it.
        if (rules.CheckFreeMail(Caller.Of(context), address) is { } free)
        {
            throw new ProblemException(Problem.Unprocessable("email", free.Text));
        }

        var account = Caller.Of(context).Account;
        var key = SendingAddresses.KeyOf(address);
        if (await senders.FindAsync(account, key, context.RequestAborted) is { } there)
        {
            return Answer(there);
        }

        if ((await senders.ListAsync(account, context.RequestAborted)).Count >= MaxSenders)
        {
            throw new ProblemException(Problem.Unprocessable("email", $"would be one more than {MaxSenders} single addresses; verify the domain with POST /domains"));
        }

        mail.RequireOwnAddress();
        var sender = new VerifiedSender(ShortId.Create("snd"), account, key, time.GetUtcNow());
        await senders.TryAddAsync(sender, context.RequestAborted);
        return Answer(await mail.SendAsync(sender, context.RequestAborted), StatusCodes.Status201Created);
    }

    public async Task<IResult> ListAsync(HttpContext context)
    {
        var found = await senders.ListAsync(Caller.Of(context).Account, context.RequestAborted);
        return TypedResults.Json(new Page<SenderView>([.. found.Select(SenderView.Of)]), AnswerJson.Default.PageSenderView);
    }

    public async Task<IResult> FindAsync(HttpContext context, string id) =>
        await FindSenderAsync(context, id) is { } sender ? Answer(sender) : NotFound();

    public async Task<IResult> MailAgainAsync(HttpContext context, string id)
    {
        Reach.RequireWhole(context);
        return await FindSenderAsync(context, id) is not { } sender ? NotFound()
            : sender.VerifiedAt is not null ? Answer(sender)
            : Answer(await mail.SendAsync(sender, context.RequestAborted));
    }

    public async Task<IResult> RemoveAsync(HttpContext context, string id)
    {
        Reach.RequireWhole(context);
        if (await FindSenderAsync(context, id) is not { } sender)
        {
            return NotFound();
        }

        await senders.RemoveAsync(sender.Account, sender.Address, context.RequestAborted);
        known.Forget(sender.Account, sender.Address);
        return TypedResults.NoContent();
    }

    private async ValueTask<VerifiedSender?> FindSenderAsync(HttpContext context, string id)
    {
        var account = Caller.Of(context).Account;
        return EnvelopeAddress.TryParse(id, out var address, out _)
            ? await senders.FindAsync(account, SendingAddresses.KeyOf(address), context.RequestAborted)
            : (await senders.ListAsync(account, context.RequestAborted)).FirstOrDefault(sender => sender.Id == id);
    }

    private static IResult Answer(VerifiedSender sender, int status = StatusCodes.Status200OK) =>
        TypedResults.Json(SenderView.Of(sender), AnswerJson.Default.SenderView, statusCode: status);

    private static ProblemAnswer NotFound() => new(Problem.NotFound("the account has no such address"));
}

internal sealed record SenderRequest
{
    public string? Email { get; init; }
}

/// <param name="Status"><c>pending</c> until its owner has said yes, then <c>verified</c>.</param>
internal sealed record SenderView(string Id, string Email, string Status, DateTimeOffset CreatedAt, DateTimeOffset? MailedAt, DateTimeOffset? VerifiedAt)
{
    public static SenderView Of(VerifiedSender sender) =>
        new(sender.Id, sender.Address, sender.VerifiedAt is null ? "pending" : "verified", sender.CreatedAt, sender.MailedAt, sender.VerifiedAt);
}
