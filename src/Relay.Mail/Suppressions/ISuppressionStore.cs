using Relay.Smtp.Addresses;

namespace Relay.Mail.Suppressions;

/// <summary>Each account's suppressed addresses. Reads see what was written before them, whichever node wrote it.</summary>
/// <exception cref="Queue.StoreUnavailableException">From every method: the store does not answer.</exception>
public interface ISuppressionStore
{
    /// <summary>The entry that holds for an address; null when mail may go there. Its cost does not grow with the list.</summary>
    ValueTask<Suppression?> FindAsync(string account, EnvelopeAddress address, CancellationToken cancellation);

    /// <summary>The last entry that was released for an address; null when none was since the one that holds.</summary>
    ValueTask<Suppression?> FindReleasedAsync(string account, EnvelopeAddress address, CancellationToken cancellation);

    /// <summary>Adds those whose address has no entry, and which were not released after they came about. Returns how many were added.</summary>
    ValueTask<int> AddAsync(string account, IReadOnlyList<Suppression> suppressions, CancellationToken cancellation);

    /// <summary>Lets mail go to an address again, and remembers that. False when nothing held it back.</summary>
    ValueTask<bool> ReleaseAsync(string account, EnvelopeAddress address, string by, DateTimeOffset now, CancellationToken cancellation);

    /// <summary>Some of the entries that hold, in no order that means anything.</summary>
    /// <param name="cursor">The end of an earlier page; null begins.</param>
    /// <exception cref="FormatException">The cursor is none.</exception>
    ValueTask<SuppressionPage> ListAsync(string account, string? cursor, int limit, CancellationToken cancellation);
}

/// <param name="Next">Where to read on; null at the end.</param>
public sealed record SuppressionPage(IReadOnlyList<Suppression> Items, string? Next);
