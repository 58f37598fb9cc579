using Relay.Smtp.Addresses;

namespace Relay.Mail.Suppressions;

/// <summary>Each account's suppressed addresses. Reads see what was written before them, whichever node wrote it.</summary>
/// <exception cref="Queue.StoreUnavailableException">From every method: the store does not answer.</exception>
public interface ISuppressionStore
{
    /// <summary>How many streams of an account are known by their names.</summary>
    // Each of them is asked for when an address is shown. Who sends has some tens.
    const int MostStreams = 1_000;

    /// <summary>
    /// The entry that holds for mail of a stream to an address: of all the account's mail, else of that stream; null when mail may
    /// go there. One look, whose cost does not grow with the list.
    /// </summary>
    /// <param name="stream">Null for mail of no stream.</param>
    ValueTask<Suppression?> FindAsync(string account, EnvelopeAddress address, string? stream, CancellationToken cancellation);

    /// <summary>The two entries that can hold for such mail, as far as they are there: that of all mail first. One look as well.</summary>
    ValueTask<IReadOnlyList<Suppression>> FindBothAsync(string account, EnvelopeAddress address, string? stream, CancellationToken cancellation);

    /// <summary>The streams for which the account has entries, or had: those that are known by their names.</summary>
    ValueTask<IReadOnlySet<string>> ListStreamsAsync(string account, CancellationToken cancellation);

    /// <summary>All that holds for an address: of all mail first, then stream by stream, as far as their names are known.</summary>
    ValueTask<IReadOnlyList<Suppression>> FindAllAsync(string account, EnvelopeAddress address, CancellationToken cancellation);

    /// <summary>What was released for an address and does not hold again, in the same order.</summary>
    ValueTask<IReadOnlyList<Suppression>> FindReleasedAsync(string account, EnvelopeAddress address, CancellationToken cancellation);

    /// <summary>
    /// Adds those whose address has no entry of their stream, or one that they outweigh, and which were not released after they
    /// came about. One of a stream beyond <see cref="MostStreams"/> holds like any other: who wants no more of it was promised
    /// that. Returns how many were added.
    /// </summary>
    ValueTask<int> AddAsync(string account, IReadOnlyList<Suppression> suppressions, CancellationToken cancellation);

    /// <summary>Lets mail go to an address again, and remembers that. False when nothing held it back.</summary>
    /// <param name="stream">Null for the entry of all mail; those of streams stay.</param>
    ValueTask<bool> ReleaseAsync(string account, EnvelopeAddress address, string? stream, string by, DateTimeOffset now, CancellationToken cancellation);

    /// <summary>Some of the entries that hold, in no order that means anything.</summary>
    /// <param name="cursor">The end of an earlier page; null begins.</param>
    /// <exception cref="FormatException">The cursor is none.</exception>
    ValueTask<SuppressionPage> ListAsync(string account, string? cursor, int limit, CancellationToken cancellation);
}

/// <param name="Next">Where to read on; null at the end.</param>
public sealed record SuppressionPage(IReadOnlyList<Suppression> Items, string? Next);
