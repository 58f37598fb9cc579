using System.Text.Json.Nodes;
using Relay.Mail.Crashing;
using Relay.TestKit.Redis;
using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Administering;

/// <summary>What is asked of one node takes effect on all, and outlives any of them.</summary>
public sealed class ManyNodesTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_suspension_made_on_one_node_holds_on_the_other_and_over_restarts_until_it_is_lifted()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var remote = ScriptedSmtpServer.Start();
        var setup = new RelaySetup().WithRoute(remote.Port).With("Redis", redis.ConnectionString).With("Queue:Lease", "00:00:03");
        await using var one = await RelayUnderTest.StartAsync(Cancellation, setup);
        await using var two = await RelayUnderTest.StartAsync(Cancellation, setup);

        var suspension = await two.PostAsync("/queue/suspensions", new { domain = "moving.test", reason = "their server is moving" }, Cancellation);
        var id = suspension.GetProperty("id").GetString();
        await one.WaitForAsync("/queue/suspensions", list => list.GetProperty("items").GetArrayLength() == 1, Cancellation);
        await SendAndHoldAsync(one, remote, 1);
        await SendAndHoldAsync(two, remote, 2);

        await one.StopAsync(Cancellation);
        await two.KillAsync();
        await one.StartAgainAsync(Cancellation);
        await SendAndHoldAsync(one, remote, 3);

        await one.Http.DeleteAsync($"/queue/suspensions/{id}", Cancellation);
        var arrived = await remote.WaitForMessagesAsync(6, Cancellation);
        Assert.Equal(3, arrived.Count(m => m.RcptTo.Any(r => r.Contains("moving.test", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task A_bounce_that_was_killed_in_the_middle_ends_each_unit_once()
    {
        const int messages = 200;
        const int domains = 10;
        await using var redis = await RedisServer.StartAsync(Cancellation);
        var setup = new RelaySetup().WithRoute(FreePorts.Next()).With("Redis", redis.ConnectionString).With("Queue:Lease", "00:00:02");
        string[] sent;
        await using (var first = await RelayUnderTest.StartAsync(Cancellation, setup))
        {
            await first.PostAsync("/queue/suspensions", new { account = "default", reason = "so that nothing is tried" }, Cancellation);
            sent = await Task.WhenAll(Enumerable.Range(0, messages).Select(i => SendAsync(first, [.. Enumerable.Range(0, domains).Select(d => $"u{i}@d{d}.test")])));
            await first.StopAsync(Cancellation);
        }

        // Dies when two of its settling steps are done: some thousand units are ended, the rest is not.
        await using (var killed = await RelayUnderTest.StartAsync(Cancellation, setup with { Variables = new() { [CrashPoints.Variable] = "after-ack:2" } }))
        {
            // On a slow machine it may have been told by then that the rest is done later.
            var lost = await Record.ExceptionAsync(() => killed.PostAsync("/queue/bounce", new { account = "default", reason = "the customer left" }, Cancellation));
            Assert.True(lost is null or HttpRequestException, lost?.Message);
            Assert.Equal(128 + 9, await killed.WaitForExitAsync(Cancellation));
        }

        // A door owns nothing, so what it sees is what the killed one left.
        await using (var door = await RelayUnderTest.StartAsync(Cancellation, setup.With("Roles", new JsonArray("intake"))))
        {
            Assert.InRange((await door.GetAsync("/queue", Cancellation)).GetProperty("depth").GetInt32(), 1, (messages * domains) - 1);
        }

        await using var last = await RelayUnderTest.StartAsync(Cancellation, setup);
        await last.WaitForAsync("/queue", queue => queue.GetProperty("depth").GetInt32() == 0, Cancellation);

        foreach (var id in sent)
        {
            var message = await last.GetAsync($"/messages/{id}", Cancellation);
            var ends = message.GetProperty("timeline").EnumerateArray().Skip(1).ToList();
            Assert.All(ends, e => Assert.Equal(("bounced", "the customer left"), (e.GetProperty("type").GetString(), e.GetProperty("reply").GetString())));
            Assert.Equal(domains, ends.Select(e => e.GetProperty("recipient").GetString()).Distinct().Count());
            Assert.Equal(domains, ends.Count);
        }
    }

    // What flows beside it shows that there was time for it to be sent.
    private static async Task SendAndHoldAsync(RelayUnderTest relay, ScriptedSmtpServer remote, int count)
    {
        var held = await SendAsync(relay, ["a@moving.test"]);
        await SendAsync(relay, ["a@there.test"]);
        var arrived = await remote.WaitForMessagesAsync(count, Cancellation);

        Assert.DoesNotContain(arrived, m => m.RcptTo.Any(r => r.Contains("moving.test", StringComparison.Ordinal)));
        var waiting = (await relay.GetAsync($"/messages/{held}", Cancellation)).GetProperty("recipients")[0].GetProperty("waiting");
        Assert.Equal("suspended: their server is moving", waiting.GetProperty("reason").GetString());
    }

    private static async Task<string> SendAsync(RelayUnderTest relay, string[] to) =>
        (await relay.SendAsync(new { from = "a@sender.test", to, subject = "x", text = "y" }, Cancellation)).GetProperty("id").GetString()!;
}
