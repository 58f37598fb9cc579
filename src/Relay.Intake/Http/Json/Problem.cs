using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Limits;
using Relay.Intake.Http.Messages;

namespace Relay.Intake.Http.Json;

/// <summary>What went wrong, for programs and people (RFC 9457). <see cref="Errors"/> names each field at fault.</summary>
internal sealed record Problem(int Status, string Title, string Detail)
{
    public string Type => "about:blank";
    public IReadOnlyDictionary<string, IReadOnlyList<string>>? Errors { get; init; }

    /// <summary>How each recipient stands, where the problem is that some cannot be helped any more.</summary>
    public IReadOnlyList<RecipientResult>? Recipients { get; init; }

    /// <summary>The limit that was reached.</summary>
    public LimitView? Limit { get; init; }

    /// <summary>For the header of this name.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public TimeSpan? RetryAfter { get; init; }

    public static Problem BadRequest(string detail) => new(StatusCodes.Status400BadRequest, "Bad request", detail);

    public static Problem BadRequest(string field, string text) => BadRequest($"{field} {text}") with { Errors = One(field, text) };

    public static Problem Unauthorized(string detail) => new(StatusCodes.Status401Unauthorized, "Unauthorized", detail);

    public static Problem Forbidden(string detail, string? field = null) =>
        new(StatusCodes.Status403Forbidden, "Forbidden", detail) { Errors = field is null ? null : One(field, detail) };

    public static Problem NotFound(string detail) => new(StatusCodes.Status404NotFound, "Not found", detail);

    public static Problem Conflict(string detail) => new(StatusCodes.Status409Conflict, "Conflict", detail);

    public static Problem TooLarge(string detail) => new(StatusCodes.Status413PayloadTooLarge, "Content too large", detail);

    public static Problem TooMany(string detail, TimeSpan retryAfter) =>
        new(StatusCodes.Status429TooManyRequests, "Too many requests", detail) { RetryAfter = retryAfter };

    public static Problem Unprocessable(string? field, string text) => string.IsNullOrEmpty(field)
        ? new(StatusCodes.Status422UnprocessableEntity, "Unprocessable content", text)
        : new(StatusCodes.Status422UnprocessableEntity, "Unprocessable content", $"{field} {text}") { Errors = One(field, text) };

    public static Problem Unavailable(string detail) => new(StatusCodes.Status503ServiceUnavailable, "Service unavailable", detail);

    private static Dictionary<string, IReadOnlyList<string>> One(string field, string text) => new() { [field] = [text] };
}

/// <summary>Ends a request with a problem; the guard of the API answers it.</summary>
internal sealed class ProblemException(Problem problem) : Exception(problem.Detail)
{
    public Problem Problem => problem;
}

/// <summary>Collects what is wrong with the fields of one request, so that a client learns all of it at once.</summary>
internal sealed class FieldErrors
{
    // Enough to see a pattern; a list of a million bad addresses is not sent back.
    private const int Most = 50;

    private readonly Dictionary<string, IReadOnlyList<string>> _errors = [];

    public void Add(string field, string text)
    {
        if (_errors.Count < Most)
        {
            _errors[field] = [.. _errors.GetValueOrDefault(field) ?? [], text];
        }
    }

    /// <exception cref="ProblemException">Something was added.</exception>
    public void ThrowIfAny()
    {
        if (_errors.Count > 0)
        {
            var (field, texts) = _errors.First();
            throw new ProblemException(Problem.Unprocessable(field, texts[0]) with { Errors = _errors });
        }
    }
}
