using Relay.Intake.Http.Messages;
using Relay.Mail.Suppressions;

namespace Relay.Intake.Http.Suppressions;

internal sealed record SuppressionRequest
{
    public string? Email { get; init; }
    public string? Note { get; init; }
}

/// <param name="Status"><c>suppressed</c>, or <c>released</c> where mail may go there again.</param>
/// <param name="Words">What the remote said, or what was noted by the person who added it.</param>
internal sealed record SuppressionView(
    string Email,
    string Status,
    string Reason,
    DateTimeOffset Since,
    string? Words,
    string? Rule,
    string? Message,
    string? By,
    DateTimeOffset? ReleasedAt,
    string? ReleasedBy)
{
    public static SuppressionView Of(Suppression suppression) => new(
        suppression.Address,
        suppression.ReleasedAt is null ? "suppressed" : "released",
        Word.Of(suppression.Reason),
        suppression.Since,
        suppression.Words,
        suppression.Rule,
        suppression.Message?.ToString(),
        suppression.By,
        suppression.ReleasedAt,
        suppression.ReleasedBy);
}

/// <param name="Added">Lines whose address was not suppressed before.</param>
/// <param name="Known">Lines whose address was, or was released since.</param>
/// <param name="Refused">Lines that cannot be read; the first of them stand in <paramref name="Errors"/>.</param>
internal sealed record ImportAnswer(int Added, int Known, int Refused, IReadOnlyList<ImportError> Errors);

/// <param name="Line">From 1, the line of names included.</param>
internal sealed record ImportError(int Line, string Text);
