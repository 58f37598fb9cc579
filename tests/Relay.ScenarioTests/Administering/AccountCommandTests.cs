using System.Net;
using System.Net.Http.Headers;
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

    [Fact]
    public async Task Behind_a_proxy_that_is_trusted_a_key_is_held_to_its_network_by_the_proxys_word()
    {
        await using var relay = await RelayUnderTest.StartAsync(
            Cancellation, new RelaySetup().With("Http:TrustedProxies", new JsonArray("127.0.0.0/8", "10.0.0.0/8")));
        var key = (await RunAsync(relay, "key", "create", "web", "--from-range", "192.0.2.0/24")).Succeeded().Output.Trim();

        Assert.Equal(HttpStatusCode.OK, await AskAsync("192.0.2.7"));
        Assert.Equal(HttpStatusCode.OK, await AskAsync("203.0.113.1, 192.0.2.7, 10.0.0.3"));
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync("192.0.2.7, 203.0.113.1"));
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(null));

        async Task<HttpStatusCode> AskAsync(string? forwardedFor)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/limits");
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            if (forwardedFor is not null)
            {
                request.Headers.Add("X-Forwarded-For", forwardedFor);
            }

            using var response = await relay.Http.SendAsync(request, Cancellation);
            return response.StatusCode;
        }
    }

    private static Task<Ended> RunAsync(RelayUnderTest relay, params string[] arguments) => relay.CommandAsync(Cancellation, null, arguments);

    private static Task<Ended> RunAsAsync(string key, RelayUnderTest relay, params string[] arguments) =>
        relay.CommandAsAsync(key, Cancellation, null, arguments);
}
