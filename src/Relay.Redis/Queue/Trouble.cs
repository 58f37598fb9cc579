using Relay.Mail.Queue;
using Relay.Redis.Connections;

namespace Relay.Redis.Queue;

/// <summary>
/// What could not be done of something that has many parts: on a cluster the shard of some may be away, and all the others go on.
/// Told once, whatever it was of.
/// </summary>
internal sealed class Trouble
{
    private Exception? _first;

    /// <summary>False when the store did not do it.</summary>
    public async Task<bool> TryAsync(Func<Task> part)
    {
        try
        {
            await part();
            return true;
        }
        catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
        {
            Interlocked.CompareExchange(ref _first, e, null);
            return false;
        }
    }

    /// <summary>Why the first of them was not done, and forgets it; null when all was.</summary>
    public string? Take() => Interlocked.Exchange(ref _first, null) is { } first ? StoreFailure.Of(first).Reason : null;
}
