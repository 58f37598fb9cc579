using Relay.Faults.Checking;
using Relay.Faults.Scenarios;
using Relay.Faults.Stages;
using Relay.Faults.Stores;
using Relay.TestKit;

namespace Relay.ScenarioTests.Faults;

/// <summary>Plays the short form of a scenario, by the same code as <c>relay-faults run</c>.</summary>
internal static class ShortForm
{
    // A build that fails by chance is believed by nobody. Other seeds are what `relay-faults run` plays; one that fails there
    // becomes the seed of its test.
    private const int Seed = 1;

    private static int _played;

    public static async Task<Verdict> PlayAsync(Scenario scenario, string store, int seed = Seed)
    {
        if (scenario.NeedsRoot)
        {
            RealParts.RequireRoot();
        }

        // Of its own, since two tests may play the same in parts, and outlives the run where there is something to study.
        var history = Path.Combine(RunFolder.Machine, "relay-faults", "tests", $"{Environment.ProcessId}-{Interlocked.Increment(ref _played)}");
        var request = new RunRequest(StoreKinds.Parse(store), scenario.Rounds.Short, seed, Relays: 3, IsLong: false, history);
        var verdict = await scenario.PlayAsync(request, TestContext.Current.CancellationToken);

        TestContext.Current.TestOutputHelper?.WriteLine($"{scenario.Id} on {store}, seed {seed}: {string.Join("; ", verdict.Notes)}");
        Assert.True(
            verdict.Holds,
            $"{scenario.Id} on {store}, seed {seed}: {verdict.Findings.Count} findings, history in {verdict.History}\n{string.Join('\n', verdict.Findings.Take(30))}");
        Directory.Delete(history, recursive: true);
        return verdict;
    }
}
