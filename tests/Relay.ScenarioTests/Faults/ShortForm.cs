using Relay.Faults.Checking;
using Relay.Faults.Scenarios;
using Relay.Faults.Stages;
using Relay.Faults.Stores;
using Relay.TestKit;

namespace Relay.ScenarioTests.Faults;

/// <summary>Plays the short form of a scenario, by the same code as <c>relay-faults run</c>.</summary>
internal static class ShortForm
{
    public static async Task<Verdict> PlayAsync(Scenario scenario, string store, int? seed = null)
    {
        if (scenario.NeedsRoot)
        {
            RealParts.RequireRoot();
        }

        // A new seed in each run finds what no fixed one would; it is in the output, and one that fails becomes a case.
        var chosen = seed ?? Random.Shared.Next(1, 1_000_000);
        var history = Path.Combine(Path.GetTempPath(), "relay-faults", "tests");
        var request = new RunRequest(StoreKinds.Parse(store), scenario.Rounds.Short, chosen, Relays: 3, IsLong: false, history);
        var verdict = await scenario.PlayAsync(request, TestContext.Current.CancellationToken);

        TestContext.Current.TestOutputHelper?.WriteLine($"{scenario.Id} on {store}, seed {chosen}: {string.Join("; ", verdict.Notes)}");
        Assert.True(
            verdict.Holds,
            $"{scenario.Id} on {store}, seed {chosen}: {verdict.Findings.Count} findings, history in {verdict.History}\n{string.Join('\n', verdict.Findings.Take(30))}");
        File.Delete(verdict.History);
        return verdict;
    }
}
