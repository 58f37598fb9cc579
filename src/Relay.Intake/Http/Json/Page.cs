using System.Globalization;
using Relay.Mail.Messages;

namespace Relay.Intake.Http.Json;

/// <param name="Next">Give it as <c>cursor</c> to read on; null at the end.</param>
internal sealed record Page<T>(IReadOnlyList<T> Items, [property: System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.Never)] string? Next = null);

/// <summary>Which part of a list is asked for: <c>?limit=&amp;cursor=</c>.</summary>
internal readonly record struct PageRequest(int Limit, MessageId? Before)
{
    // A page a person can look through; a program asks for more.
    private const int DefaultLimit = 50;
    private const int MaxLimit = 500;

    /// <exception cref="ProblemException">One of them is not what it should be.</exception>
    public static PageRequest Of(string? limit, string? cursor)
    {
        var count = DefaultLimit;
        if (limit is not null && (!int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out count) || count is < 1 or > MaxLimit))
        {
            throw new ProblemException(Problem.Unprocessable("limit", $"must be a number from 1 to {MaxLimit}"));
        }

        return cursor is null ? new PageRequest(count, null)
            : MessageId.TryParse(cursor, out var before) ? new PageRequest(count, before)
            : throw new ProblemException(Problem.Unprocessable("cursor", "must be the next of an earlier page"));
    }
}
