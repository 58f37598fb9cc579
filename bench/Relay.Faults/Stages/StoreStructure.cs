using System.Diagnostics;
using Relay.Faults.Checking;
using StackExchange.Redis;

namespace Relay.Faults.Stages;

/// <summary>
/// I7, the part that the store shows: when nothing waits, no record, unit, lane entry or lease of work is left, chunks that
/// nobody accepted vanish by themselves, and nothing was set aside.
/// </summary>
internal static class StoreStructure
{
    // A renewal comes several times in it.
    private static readonly TimeSpan LeaseLife = TimeSpan.FromSeconds(15);

    /// <summary>
    /// What came too late is looked at by the owner of its partition at his next renewal, and may still have something to tell:
    /// waits until that is done, the life of a lease at the most.
    /// </summary>
    public static async Task AwaitLateAsync(ConnectionMultiplexer eyes, CancellationToken cancellation)
    {
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < LeaseLife && await HasLateAsync(eyes, cancellation);)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), cancellation);
        }
    }

    private static async Task<bool> HasLateAsync(ConnectionMultiplexer eyes, CancellationToken cancellation)
    {
        await foreach (var key in StoreEyes.KeysAsync(eyes, cancellation))
        {
            if (key.Part == "late")
            {
                return true;
            }
        }

        return false;
    }

    public static async Task<IReadOnlyList<Finding>> LookAsync(ConnectionMultiplexer eyes, CancellationToken cancellation)
    {
        var findings = new List<Finding>();
        await foreach (var key in StoreEyes.KeysAsync(eyes, cancellation))
        {
            if (await WordsAsync(eyes.GetDatabase(), key) is { } words)
            {
                findings.Add(new Finding("I7", key.Name, words));
            }
        }

        return findings;
    }

    private static async Task<string?> WordsAsync(IDatabase database, StoreKey key)
    {
        var part = key.Part;
        return part.StartsWith("m:", StringComparison.Ordinal) && part.Contains('/', StringComparison.Ordinal)
                ? await database.KeyTimeToLiveAsync(key.Name) is null ? "a chunk without a message, and without an end" : null
            : part.StartsWith("m:", StringComparison.Ordinal) ? "a record, though nothing waits"
            : part.StartsWith("u:", StringComparison.Ordinal) ? "the state of a unit, though nothing waits"
            : part.StartsWith("open:", StringComparison.Ordinal) ? "open units of a message, though nothing waits"
            : part.StartsWith("lane:", StringComparison.Ordinal) ? "a lane that is not empty, though nothing waits"
            : part.StartsWith("hook:", StringComparison.Ordinal) || part.StartsWith("hookat:", StringComparison.Ordinal) ? "events for a webhook, though nothing waits"
            : part == "dots" ? "units between dot and answer, though nothing waits"
            : part == "late" ? "outcomes that came too late, and that nobody looked at"
            : part == "unreadable" ? "an entry was set aside as unreadable"
            : null;
    }
}
