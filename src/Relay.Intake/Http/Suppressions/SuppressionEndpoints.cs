using Microsoft.AspNetCore.Http;
using Relay.Intake.Composition;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Mail.Suppressions;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Http.Suppressions;

/// <summary><c>/suppressions</c>: the addresses that an account sends nothing to.</summary>
internal sealed class SuppressionEndpoints(ISuppressionStore suppressions, TimeProvider time)
{
    private const int MaxNote = 500;

    public async Task<IResult> ListAsync(HttpContext context, string? limit, string? cursor)
    {
        try
        {
            var page = await suppressions.ListAsync(Caller.Of(context).Account, cursor, PageRequest.Of(limit, null).Limit, context.RequestAborted);
            return TypedResults.Json(new Page<SuppressionView>([.. page.Items.Select(SuppressionView.Of)], page.Next), AnswerJson.Default.PageSuppressionView);
        }
        catch (FormatException)
        {
            throw new ProblemException(Problem.Unprocessable("cursor", "must be the next of an earlier page"));
        }
    }

    public async Task<IResult> FindAsync(HttpContext context, string email)
    {
        var (account, address) = (Caller.Of(context).Account, AddressOf(email));
        var found = await suppressions.FindAsync(account, address, context.RequestAborted)
            ?? await suppressions.FindReleasedAsync(account, address, context.RequestAborted);
        return found is null ? NotFound() : Answer(found);
    }

    public async Task<IResult> CreateAsync(HttpContext context)
    {
        var request = await RequestBody.ReadAsync(context, ApiJson.Default.SuppressionRequest);
        var errors = new FieldErrors();
        if (!EnvelopeAddress.TryParse(request.Email, out var address, out var problem))
        {
            errors.Add("email", problem);
        }

        if (request.Note is { } note && (note.Length > MaxNote || !PlainText.IsOneLine(note)))
        {
            errors.Add("note", $"must be at most {MaxNote} characters on one line");
        }

        errors.ThrowIfAny();
        var caller = Caller.Of(context);
        var suppression = new Suppression
        {
            Address = Suppression.KeyOf(address),
            Reason = SuppressionReason.Manual,
            Since = time.GetUtcNow(),
            Words = request.Note,
            By = caller.Id,
        };
        return await suppressions.AddAsync(caller.Account, [suppression], context.RequestAborted) == 1
            ? Answer(suppression, StatusCodes.Status201Created)
            : Answer(await suppressions.FindAsync(caller.Account, address, context.RequestAborted) ?? suppression);
    }

    public async Task<IResult> ReleaseAsync(HttpContext context, string email)
    {
        var caller = Caller.Of(context);
        return await suppressions.ReleaseAsync(caller.Account, AddressOf(email), caller.Id, time.GetUtcNow(), context.RequestAborted)
            ? TypedResults.NoContent()
            : NotFound();
    }

    private static EnvelopeAddress AddressOf(string email) =>
        EnvelopeAddress.TryParse(email, out var address, out var problem) ? address : throw new ProblemException(Problem.Unprocessable("email", problem));

    private static IResult Answer(Suppression suppression, int status = StatusCodes.Status200OK) =>
        TypedResults.Json(SuppressionView.Of(suppression), AnswerJson.Default.SuppressionView, statusCode: status);

    private static ProblemAnswer NotFound() => new(Problem.NotFound("this address is not suppressed"));
}
