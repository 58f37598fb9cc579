using System.Text.Json.Nodes;
using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Administering;

/// <summary>An administrator at a terminal, or a script in their place.</summary>
public sealed class QueueCommandTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_waits_is_held_shown_looked_at_bounced_after_a_yes_and_let_go()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup().WithRoute(remote.Port));

        var suspended = await RunAsync(relay, null, "suspend", "--domain", "moving.test", "--reason", "their server is moving", "--until", "2h", "--yes");
        var id = suspended.Succeeded().Output.Trim();
        Assert.StartsWith("sus_", id, StringComparison.Ordinal);
        var message = (await SendAsync(relay, "a@moving.test")).GetProperty("id").GetString()!;
        await SendAsync(relay, "b@moving.test");
        await SendAsync(relay, "c@there.test");
        await remote.WaitForMessagesAsync(1, Cancellation);

        Assert.Matches(@"(?m)^127\.0\.0\.1:" + remote.Port + @"\t[^\t]+\tflowing\t1\t", (await RunAsync(relay, null, "sites")).Succeeded().Output);

        var list = (await RunAsync(relay, null, "list")).Succeeded().Output;
        Assert.Matches(@"(?m)^moving\.test/default/transactional\t2\t[^\t]+\ttheir server is moving \(until .+\)$", list);
        Assert.Matches(@"(?m)^" + message + @"\ta@moving\.test\t[^\t]+\t0\t", (await RunAsync(relay, null, "show", "moving.test/default/transactional")).Succeeded().Output);
        Assert.Contains("a@moving.test", (await RunAsync(relay, null, "show", message)).Succeeded().Output, StringComparison.Ordinal);
        Assert.Contains("2 waiting units", (await RunAsync(relay, null, "bounce", "--domain", "moving.test", "--preview")).Succeeded().Output, StringComparison.Ordinal);

        // Nothing happens without a reason, nor without a yes.
        Assert.Equal(64, (await RunAsync(relay, "y\n", "bounce", "--domain", "moving.test")).ExitCode);
        var refused = await RunAsync(relay, "n\n", "bounce", "--message", message, "--reason", "sent twice");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("Bounce: 1 waiting unit? [y/N]", refused.Errors, StringComparison.Ordinal);
        var bounced = await RunAsync(relay, "y\n", "bounce", "--message", message, "--reason", "sent twice");
        Assert.Equal("1 done.", bounced.Succeeded().Output.Trim());

        // What goes on again is shown and asked for as well: nothing has gone yet.
        Assert.Contains("1 waiting unit", (await RunAsync(relay, null, "resume", "--domain", "moving.test", "--preview")).Succeeded().Output, StringComparison.Ordinal);
        var kept = await RunAsync(relay, "n\n", "resume", "--domain", "moving.test");
        Assert.Equal(1, kept.ExitCode);
        Assert.Contains("Let go on: 1 waiting unit? [y/N]", kept.Errors, StringComparison.Ordinal);
        Assert.Contains("moving.test", (await RunAsync(relay, null, "suspensions")).Succeeded().Output, StringComparison.Ordinal);

        (await RunAsync(relay, "y\n", "resume", "--domain", "moving.test")).Succeeded();
        var arrived = await remote.WaitForMessagesAsync(2, Cancellation);
        Assert.Contains(arrived, m => m.RcptTo.Any(r => r.Contains("b@moving.test", StringComparison.Ordinal)));
        Assert.Equal(1, (await RunAsync(relay, null, "resume", id)).ExitCode);
    }

    [Fact]
    public async Task Who_has_one_account_lifts_a_suspension_by_the_words_that_made_it()
    {
        await using var relay = await RelayUnderTest.StartAsync(Cancellation);
        var key = (await relay.CommandAsync(Cancellation, null, "key", "create", "shop")).Succeeded().Output.Trim();

        (await relay.CommandAsAsync(key, Cancellation, null, "queue", "suspend", "--domain", "moving.test", "--reason", "their server is moving", "--yes")).Succeeded();
        (await relay.CommandAsAsync(key, Cancellation, null, "queue", "resume", "--domain", "moving.test", "--yes")).Succeeded();

        Assert.DoesNotContain("moving.test", (await RunAsync(relay, null, "suspensions")).Succeeded().Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_retry_reaches_at_once_a_remote_that_was_mended()
    {
        var port = FreePorts.Next();
        await using var relay = await RelayUnderTest.StartAsync(
            Cancellation, new RelaySetup().WithRoute(port).With("Delivery:Retry:Schedule", new JsonArray("01:00:00")));
        for (var i = 0; i < 7; i++)
        {
            var id = (await SendAsync(relay, $"a{i}@there.test")).GetProperty("id").GetString();
            await relay.WaitForAsync($"/messages/{id}", m => m.GetProperty("recipients")[0].GetProperty("status").GetString() == "deferred", Cancellation);
        }

        await using var remote = ScriptedSmtpServer.Start(port: port);
        var retried = await RunAsync(relay, null, "retry", "--domain", "there.test", "--yes");

        Assert.Equal("7 done.", retried.Succeeded().Output.Trim());
        Assert.Equal(7, (await remote.WaitForMessagesAsync(7, Cancellation)).Count);
    }

    private static Task<Ended> RunAsync(RelayUnderTest relay, string? input, params string[] arguments) =>
        relay.CommandAsync(Cancellation, input, ["queue", .. arguments]);

    private static Task<System.Text.Json.JsonElement> SendAsync(RelayUnderTest relay, string to) =>
        relay.SendAsync(new { from = "a@sender.test", to, subject = "x", text = "y" }, Cancellation);
}
