using System.ComponentModel;
using Relay.Mail;
using Relay.Mail.Suppressions;

namespace Relay.Intake.Http.Suppressions;

internal sealed record SuppressionRequest
{
    public string? Email { get; init; }

    [Description("Only mail of this stream; left out, all of the account's mail.")]
    public string? Stream { get; init; }

    public string? Note { get; init; }
}

/// <param name="Stream">The stream whose mail does not go there; left out, all of the account's mail.</param>
/// <param name="Status"><c>suppressed</c>, or <c>released</c> where mail may go there again.</param>
/// <param name="Words">What the remote said, or what was noted by the person who added it.</param>
/// <param name="Earlier">What the entry has taken the place of: a bounce or a note of a person, where its owner then complained or unsubscribed.</param>
/// <param name="Others">The entries of the same address for other streams; left out in lists.</param>
internal sealed record SuppressionView(
    string Email,
    string? Stream,
    string Status,
    string Reason,
    DateTimeOffset Since,
    string? Words,
    string? Rule,
    string? Message,
    string? By,
    DateTimeOffset? ReleasedAt,
    string? ReleasedBy,
    SuppressionView? Earlier,
    IReadOnlyList<SuppressionView>? Others)
{
    public static SuppressionView Of(Suppression suppression, IReadOnlyList<Suppression>? others = null) => new(
        suppression.Address,
        suppression.Stream,
        suppression.ReleasedAt is null ? "suppressed" : "released",
        Word.Of(suppression.Reason),
        suppression.Since,
        suppression.Words,
        suppression.Rule,
        suppression.Message?.ToString(),
        suppression.By,
        suppression.ReleasedAt,
        suppression.ReleasedBy,
        suppression.Earlier is { } earlier ? Of(earlier) : null,
        others is { Count: > 0 } ? [.. others.Select(other => Of(other))] : null);
}

/// <param name="Added">Lines whose address was not suppressed before for that stream.</param>
/// <param name="Known">Lines whose address was, or was released since.</param>
/// <param name="Refused">Lines that cannot be read; the first of them stand in <paramref name="Errors"/>.</param>
internal sealed record ImportAnswer(int Added, int Known, int Refused, IReadOnlyList<ImportError> Errors);

/// <param name="Line">From 1, the line of names included.</param>
internal sealed record ImportError(int Line, string Text);
