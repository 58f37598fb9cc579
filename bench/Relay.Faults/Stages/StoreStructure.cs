using Relay.Faults.Checking;
using StackExchange.Redis;

namespace Relay.Faults.Stages;

/// <summary>
/// I7, the part that the store shows: when nothing waits, no record, unit, lane entry or lease of work is left, chunks that
/// nobody accepted vanish by themselves, and nothing was set aside.
/// </summary>
internal static class StoreStructure
{
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
            : part == "dots" ? "units between dot and answer, though nothing waits"
            : part == "late" ? "outcomes that came too late, and that nobody looked at"
            : part == "unreadable" ? "an entry was set aside as unreadable"
            : null;
    }
}
