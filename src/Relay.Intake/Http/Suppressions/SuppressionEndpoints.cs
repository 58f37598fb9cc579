using Microsoft.AspNetCore.Http;
using Relay.Intake.Composition;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Suppressions;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Http.Suppressions;

/// <summary><c>/suppressions</c>: the addresses that an account sends nothing to.</summary>
internal sealed class SuppressionEndpoints(ISuppressionStore suppressions, TimeProvider time)
{
    private const int MaxNote = 500;

    public static readonly string TooManyStreams = $"is one too many: the account has suppressions of {ISuppressionStore.MostStreams} streams, which is all it may";

    /// <summary>A test key stands in scripts and on laptops: the account's customers are not its business, only what it played itself.</summary>
    public static bool MaySee(Credential caller, Suppression suppression) =>
        caller.Mode == MessageMode.Live || suppression.Address.EndsWith($"@{SimulatedMail.Domain}", StringComparison.Ordinal);

    public async Task<IResult> ListAsync(HttpContext context, string? limit, string? cursor)
    {
        try
        {
            var caller = Caller.Of(context);
            var page = await suppressions.ListAsync(caller.Account, cursor, PageRequest.Of(limit, null).Limit, context.RequestAborted);
            var seen = page.Items.Where(item => MaySee(caller, item)).Select(item => SuppressionView.Of(item));
            return TypedResults.Json(new Page<SuppressionView>([.. seen], page.Next), AnswerJson.Default.PageSuppressionView);
        }
        catch (FormatException)
        {
            throw new ProblemException(Problem.Unprocessable("cursor", "must be the next of an earlier page"));
        }
    }

    public async Task<IResult> FindAsync(HttpContext context, string email)
    {
        var (caller, address) = (Caller.Of(context), AddressOf(email));
        var found = await suppressions.FindAllAsync(caller.Account, address, context.RequestAborted);
        if (found.Count == 0)
        {
            found = await suppressions.FindReleasedAsync(caller.Account, address, context.RequestAborted);
        }

        return found.Count == 0 || !MaySee(caller, found[0]) ? NotFound() : Answer(SuppressionView.Of(found[0], [.. found.Skip(1)]));
    }

    public async Task<IResult> CreateAsync(HttpContext context)
    {
        Reach.RequireWhole(context);
        var request = await RequestBody.ReadAsync(context, ApiJson.Default.SuppressionRequest);
        var errors = new FieldErrors();
        if (!EnvelopeAddress.TryParse(request.Email, out var address, out var problem))
        {
            errors.Add("email", $"is not an address: {problem}");
        }

        if (request.Note is { } note && (note.Length > MaxNote || !PlainText.IsOneLine(note)))
        {
            errors.Add("note", $"must be at most {MaxNote} characters on one line");
        }

        if (request.Stream is { } stream && !StreamName.IsValid(stream))
        {
            errors.Add("stream", StreamName.Rule);
        }

        errors.ThrowIfAny();
        var caller = Caller.Of(context);
        if (request.Stream is { } named
            && await suppressions.ListStreamsAsync(caller.Account, context.RequestAborted) is { Count: >= ISuppressionStore.MostStreams } streams
            && !streams.Contains(named))
        {
            throw new ProblemException(Problem.Unprocessable("stream", TooManyStreams));
        }

        var suppression = new Suppression
        {
            Address = Suppression.KeyOf(address),
            Stream = request.Stream,
            Reason = SuppressionReason.Manual,
            Since = time.GetUtcNow(),
            Words = request.Note,
            By = caller.Id,
        };
        if (await suppressions.AddAsync(caller.Account, [suppression], context.RequestAborted) == 1)
        {
            return Answer(SuppressionView.Of(suppression), StatusCodes.Status201Created);
        }

        var all = await suppressions.FindAllAsync(caller.Account, address, context.RequestAborted);
        return Answer(SuppressionView.Of(all.FirstOrDefault(each => each.Stream == request.Stream) ?? suppression));
    }

    public async Task<IResult> ReleaseAsync(HttpContext context, string email, string? stream)
    {
        Reach.RequireWhole(context);
        var (caller, address) = (Caller.Of(context), AddressOf(email));
        if (stream is not null && !StreamName.IsValid(stream))
        {
            throw new ProblemException(Problem.Unprocessable("stream", StreamName.Rule));
        }

        if (await suppressions.ReleaseAsync(caller.Account, address, stream, caller.Id, time.GetUtcNow(), context.RequestAborted))
        {
            return TypedResults.NoContent();
        }

        // Who unsubscribed from a list is not to be brought back by somebody who only meant a bounce.
        var streams = (await suppressions.FindAllAsync(caller.Account, address, context.RequestAborted)).Select(each => each.Stream).OfType<string>().ToList();
        return streams.Count == 0
            ? NotFound()
            : new ProblemAnswer(Problem.NotFound(
                $"this address is not suppressed {(stream is null ? "for all mail" : $"for {stream}")}, but for {string.Join(", ", streams)}: name one with ?stream="));
    }

    private static EnvelopeAddress AddressOf(string email) =>
        EnvelopeAddress.TryParse(email, out var address, out var problem) ? address : throw new ProblemException(Problem.Unprocessable("email", $"is not an address: {problem}"));

    private static IResult Answer(SuppressionView view, int status = StatusCodes.Status200OK) =>
        TypedResults.Json(view, AnswerJson.Default.SuppressionView, statusCode: status);

    private static ProblemAnswer NotFound() => new(Problem.NotFound("this address is not suppressed"));
}
