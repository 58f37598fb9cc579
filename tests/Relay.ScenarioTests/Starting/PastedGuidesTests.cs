using System.Text.RegularExpressions;
using Relay.TestKit;

namespace Relay.ScenarioTests.Starting;

/// <summary>What the front page and the guides show to be pasted works as it stands there, on a relay that was just started.</summary>
public sealed partial class PastedGuidesTests
{
    // An answer that is a refusal ends it.
    private const string Strictly = "set -eo pipefail; curl() { command curl --silent --show-error --fail-with-body \"$@\"; }";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_block_that_asks_a_relay_is_answered_well()
    {
        RealParts.Require("curl");

        // Nothing leaves: nobody is at this port.
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup { AdminKey = null }.WithRoute(FreePorts.Next()));
        await Poll.UntilAsync(() => relay.Output.Contains(" inbox\n", StringComparison.Ordinal), Cancellation, () => relay.Output);
        var (live, test) = (LiveKey().Match(relay.Output).Value, TestKey().Match(relay.Output).Value);

        Assert.Equal(2, await PasteAsync(relay, test, "README.md"));
        await relay.WaitForAsync("/inbox", inbox => inbox.GetProperty("items").GetArrayLength() == 2, Cancellation, test);

        Assert.Equal(1, await PasteAsync(relay, live, "ops/guide/sending.md"));
        Assert.Equal(1, await PasteAsync(relay, live, "ops/guide/templates.md"));
        Assert.Equal(1, await PasteAsync(relay, live, "ops/guide/webhooks.md"));

        var subjects = (await relay.GetAsync("/messages", Cancellation, live)).GetProperty("items").EnumerateArray().Select(item => item.GetProperty("subject").GetString());
        Assert.Equal(["By HTTP", "By SMTP", "Order 7", "Your order 7"], subjects.Order(StringComparer.Ordinal));
        Assert.Equal(1, (await relay.GetAsync("/webhooks", Cancellation, live)).GetProperty("items").GetArrayLength());
    }

    private static async Task<int> PasteAsync(RelayUnderTest relay, string key, string text)
    {
        var blocks = Guides.ShellBlocks(Path.Combine(Repository.Root, text)).Where(block => block.Contains("://127.0.0.1:", StringComparison.Ordinal)).ToList();
        foreach (var block in blocks)
        {
            var here = block
                .Replace("http://127.0.0.1:8080", $"http://127.0.0.1:{relay.HttpPort}", StringComparison.Ordinal)
                .Replace("smtp://127.0.0.1:2526", $"smtp://127.0.0.1:{relay.PlainPort}", StringComparison.Ordinal);
            (await ChildProcess.PasteAsync($"{Strictly}; RELAY_KEY={key}\n{here}", Cancellation, relay.Folder)).Succeeded();
        }

        return blocks.Count;
    }

    [GeneratedRegex("rk_live_[A-Za-z0-9_-]+")]
    private static partial Regex LiveKey();

    [GeneratedRegex("rk_test_[A-Za-z0-9_-]+")]
    private static partial Regex TestKey();
}
