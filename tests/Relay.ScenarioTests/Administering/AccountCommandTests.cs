using System.Text.Json.Nodes;
using Relay.TestKit.Relays;

namespace Relay.ScenarioTests.Administering;

/// <summary>An operator makes an account and its key at a terminal, and both are held to what was said.</summary>
public sealed class AccountCommandTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_account_and_its_key_are_made_and_held_to_what_was_said()
    {
        await using var relay = await RelayUnderTest.StartAsync(
            Cancellation, new RelaySetup().WithRoute(FreePorts.Next()).With("Bootstrap:RequireVerifiedDomains", JsonValue.Create(false)));
        var account = (await RunAsync(relay, "account", "create", "Another shop", "--per-day", "2")).Succeeded().Output.Trim();
        Assert.StartsWith("acct_", account, StringComparison.Ordinal);
        Assert.Matches($@"(?m)^{account}\tAnother shop\t2 a day\t", (await RunAsync(relay, "account", "list")).Succeeded().Output);

        var key = (await RunAsync(
            relay, "key", "create", "web", "--account", account, "--scope", "send", "--scope", "read", "--domain", "shop.test",
            "--from-range", "127.0.0.0/8", "--expires", "1d", "--per-second", "10")).Succeeded().Output.Trim();
        Assert.StartsWith("rk_live_", key, StringComparison.Ordinal);
        await relay.SendAsync(new { from = "a@shop.test", to = "b@there.test", subject = "x", text = "y" }, Cancellation, key);

        var limits = (await RunAsAsync(key, relay, "limits")).Succeeded().Output;
        Assert.Matches(@"(?m)^account\trecipients a day\t2\t1\t1\t[^\t]+\trefused$", limits);
        Assert.Matches(@"(?m)^key\tmessages a second\t10\t\t\t\twaits$", limits);
        Assert.Equal(77, (await RunAsAsync(key, relay, "send", "--from", "a@other.test", "--to", "b@there.test", "--subject", "x", "--text", "y")).ExitCode);

        (await RunAsync(relay, "account", "limit", account, "--per-day", "1")).Succeeded();
        var refused = await RunAsAsync(key, relay, "send", "--from", "a@shop.test", "--to", "b@there.test", "--subject", "x", "--text", "y");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("the account has sent to 1 of the 1 recipients it may a day", refused.Errors, StringComparison.Ordinal);
        Assert.Contains("as configured", (await RunAsync(relay, "account", "limit", account, "--default")).Succeeded().Output, StringComparison.Ordinal);
        await relay.SendAsync(new { from = "a@shop.test", to = "b@there.test", subject = "x", text = "y" }, Cancellation, key);
    }

    private static Task<Ended> RunAsync(RelayUnderTest relay, params string[] arguments) => relay.CommandAsync(Cancellation, null, arguments);

    private static Task<Ended> RunAsAsync(string key, RelayUnderTest relay, params string[] arguments) =>
        relay.CommandAsAsync(key, Cancellation, null, arguments);
}
