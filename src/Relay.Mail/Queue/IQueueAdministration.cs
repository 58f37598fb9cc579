namespace Relay.Mail.Queue;

/// <summary>Changes what waits, through its owners and never behind their backs.</summary>
public interface IQueueAdministration
{
    /// <summary>What an ask would change now; without a kind, all that waits.</summary>
    /// <param name="shown">At most so many units are named.</param>
    ValueTask<QueuePreview> PreviewAsync(QueueSelector selector, AskKind? kind, int shown, CancellationToken cancellation);

    /// <summary>Keeps the ask durably, then waits for the owners' answers for as long as <paramref name="patience"/>.</summary>
    /// <exception cref="StoreUnavailableException">It may not have been kept, or only for a part of the mail: ask again, which repeats nothing.</exception>
    ValueTask<AskAnswer> AskAsync(QueueAsk ask, TimeSpan patience, CancellationToken cancellation);
}

/// <param name="IsExact">False where there is too much mail to look at each unit: then some of those counted may be left alone.</param>
/// <param name="First">The first of them.</param>
public sealed record QueuePreview(long Units, bool IsExact, IReadOnlyList<LaneDepth> Lanes, IReadOnlyList<WaitingUnit> First);
