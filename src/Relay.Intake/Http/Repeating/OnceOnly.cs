using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Relay.Intake.Admission;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Description;
using Relay.Intake.Http.Json;
using Relay.Mail.Accounts;
using Relay.Mail.Queue;

namespace Relay.Intake.Http.Repeating;

/// <summary>
/// Stands behind the guard of an endpoint: does a request that comes with an Idempotency-Key once, and answers its repetitions
/// as it answered the first (ops/decisions/0026). Mail is not among them: its key is kept with the mail, in one step.
/// </summary>
/// <param name="maxBody">Octets of body that the endpoint takes.</param>
internal sealed partial class OnceOnly(long maxBody) : IEndpointFilter
{
    // As long as nobody knows whether a run that was cut off did what it was to do; longer than any of them takes.
    private static readonly TimeSpan RunKept = TimeSpan.FromMinutes(5);

    // All but an import are over by then.
    private static readonly TimeSpan ComeBack = TimeSpan.FromSeconds(1);

    private static readonly object LeftOpen = new();

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        if (IdempotencyHeader.Read(http) is not { } key)
        {
            return await next(context);
        }

        var answers = http.RequestServices.GetRequiredService<IAnswerStore>();
        var (account, name, run) = (Caller.Of(http).Account, NameOf(Caller.Of(http), key), Guid.NewGuid());
        return await answers.TryBeginAsync(account, name, run, RunKept, http.RequestAborted) switch
        {
            null => await RunAsync(context, next, answers, account, name, run),
            { Answer: { } answer } => await RepeatAsync(http, answer, name),
            _ => new ProblemAnswer(Problem.Conflict("the first request with this Idempotency-Key still runs; ask again") with { RetryAfter = ComeBack }),
        };
    }

    /// <summary>A part of the request failed for now: a repetition runs again, and what was done already it finds by itself.</summary>
    public static void LeaveOpen(HttpContext http) => http.Items[LeftOpen] = true;

    /// <summary>What a caller's key is kept under: it may be anything, and is nobody else's.</summary>
    public static string NameOf(Credential caller, string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{caller.Id}\n{key}")));

    private static async Task<IResult> RunAsync(
        EndpointFilterInvocationContext context, EndpointFilterDelegate next, IAnswerStore answers, string account, string name, Guid run)
    {
        var http = context.HttpContext;
        await using var body = new HashedBody(http.Request, http.Request.Body);
        http.Request.Body = body;
        // Whoever goes meanwhile comes again to hear the answer, so there has to be one.
        http.RequestAborted = CancellationToken.None;
        FirstAnswer first;
        try
        {
            first = await FirstAnswer.OfAsync(http, (IResult)(await next(context))!);
        }
        catch
        {
            await EndAsync(http, () => answers.GiveUpAsync(account, name, run, CancellationToken.None));
            throw;
        }

        if (first.IsDone && !http.Items.ContainsKey(LeftOpen))
        {
            var kept = (first with { Fingerprint = await body.FinishAsync(CancellationToken.None) }).Seal(Guard.KeyOf(http.Request), name);
            await EndAsync(http, () => answers.FinishAsync(account, name, run, kept, Idempotency.Kept, CancellationToken.None));
        }
        else
        {
            await EndAsync(http, () => answers.GiveUpAsync(account, name, run, CancellationToken.None));
        }

        await first.WriteBodyAsync(http);
        return TypedResults.Empty;
    }

    private async Task<IResult> RepeatAsync(HttpContext http, ReadOnlyMemory<byte> kept, string name)
    {
        FirstAnswer first;
        try
        {
            first = FirstAnswer.Open(kept, Guard.KeyOf(http.Request), name);
        }
        catch (CryptographicException)
        {
            // The admin key is a setting: its id stays when it changes.
            return new ProblemAnswer(Problem.Conflict("the first request with this Idempotency-Key came with another key, and only that one is told its answer"));
        }

        RequestBody.Allow(http, maxBody);
        await using var limited = new LimitedBody(http.Request.Body, maxBody);
        await using var body = new HashedBody(http.Request, limited);
        if (!(await body.FinishAsync(http.RequestAborted)).AsSpan().SequenceEqual(first.Fingerprint))
        {
            return new ProblemAnswer(Problem.Unprocessable(IdempotencyHeader.Name, "was used for another request within the last 24 hours"));
        }

        await first.RepeatAsync(http);
        return TypedResults.Empty;
    }

    // The client is told what became of its request in any case.
    private static async Task EndAsync(HttpContext http, Func<ValueTask> end)
    {
        try
        {
            await end();
        }
        catch (StoreUnavailableException exception)
        {
            LogNotEnded(http.RequestServices.GetRequiredService<ILogger<OnceOnly>>(), RunKept, exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "What became of a request with an Idempotency-Key could not be kept: repetitions are told for {Time} that it still runs")]
    private static partial void LogNotEnded(ILogger logger, TimeSpan time, StoreUnavailableException exception);
}

internal static class OnceOnlyExtensions
{
    /// <summary>Behind the endpoint's guard: takes the header Idempotency-Key.</summary>
    public static RouteHandlerBuilder RunsOnce(this RouteHandlerBuilder endpoint, long maxBody = RequestBody.SmallBody) => endpoint
        .AddEndpointFilter(new OnceOnly(maxBody))
        .WithMetadata(new TakesIdempotencyKey())
        .Produces<Problem>(StatusCodes.Status409Conflict, "application/problem+json");
}
