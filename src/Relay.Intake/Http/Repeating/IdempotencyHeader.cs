using Microsoft.AspNetCore.Http;
using Relay.Intake.Admission;
using Relay.Intake.Http.Json;

namespace Relay.Intake.Http.Repeating;

/// <summary>The header by which a client says that a request is the same as an earlier one.</summary>
internal static class IdempotencyHeader
{
    public const string Name = "Idempotency-Key";

    private const string ReplayedName = "Idempotent-Replayed";

    /// <summary>Null where there is none.</summary>
    /// <exception cref="ProblemException">It is no key.</exception>
    public static string? Read(HttpContext context)
    {
        var key = context.Request.Headers[Name].ToString();
        return key.Length == 0 ? null
            : Idempotency.IsKey(key) ? key
            : throw new ProblemException(Problem.Unprocessable(Name, Idempotency.KeyRule));
    }

    /// <summary>Says that the answer is that of an earlier request.</summary>
    public static void MarkReplayed(HttpContext context) => context.Response.Headers[ReplayedName] = "true";
}
