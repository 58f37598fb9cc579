using Relay.Faults.Ledgers;

namespace Relay.Faults.Clients;

/// <summary>What one try came to.</summary>
/// <param name="Began">False when not even a transaction was begun: the door was closed.</param>
/// <param name="Recipients">Those that the door took; null where it was not asked.</param>
internal readonly record struct Answer(SubmissionOutcome Outcome, string Words, string? Id = null, bool Began = true, IReadOnlyList<string>? Recipients = null)
{
    /// <summary>The same mail may be taken at another time.</summary>
    public bool IsForNow { get; init; } = true;

    public static Answer Closed(string words) => new(SubmissionOutcome.Fail, words, Began: false);

    public static Answer Accepted(string words, string? id, IReadOnlyList<string> recipients) =>
        new(SubmissionOutcome.Ok, words, id, Recipients: recipients) { IsForNow = false };
}

internal interface ILedgerSession : IDisposable
{
    /// <summary>Submits one mail. Every failure is an answer.</summary>
    Task<Answer> SubmitAsync(LedgerMail mail, CancellationToken cancellation);
}
