using System.Text;
using System.Text.Json.Nodes;
using Relay.ScenarioTests.Harness;
using Relay.TestKit.Redis;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Stopping;

/// <summary>Accepted means kept.</summary>
public sealed class KilledAfterAcceptTests
{
    private const int Messages = 20;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task On_the_embedded_store_it_is_delivered_after_the_restart() => await AcceptKillDeliverAsync(redis: null);

    [Fact]
    public async Task On_redis_it_is_delivered_after_the_restart()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await AcceptKillDeliverAsync(redis.ConnectionString);
    }

    [Fact]
    public async Task What_large_content_was_accepted_is_whole_after_the_restart()
    {
        var port = FreePorts.Next();
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, Setup(port, redis: null));
        var body = new string('x', 76) + "\r\n";
        var content = Encoding.ASCII.GetBytes(Header(0) + string.Concat(Enumerable.Repeat(body, 40_000)));
        await using (var client = await Submitter.ConnectAsync(relay, Cancellation))
        {
            await client.SubmitAsync("a@sender.test", ["b@remote.test"], content, Cancellation);
        }

        await relay.KillAsync();
        await using var remote = ScriptedSmtpServer.Start(port: port);
        await relay.StartAgainAsync(Cancellation);

        var arrived = Assert.Single(await remote.WaitForMessagesAsync(1, Cancellation));
        Assert.True(arrived.Content.AsSpan().EndsWith(content), "the content was changed");
    }

    private static async Task AcceptKillDeliverAsync(string? redis)
    {
        // Nobody listens yet: everything accepted waits.
        var port = FreePorts.Next();
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, Setup(port, redis));
        await using (var client = await Submitter.ConnectAsync(relay, Cancellation))
        {
            for (var i = 0; i < Messages; i++)
            {
                await client.SubmitAsync("a@sender.test", [$"b{i}@remote.test"], Encoding.ASCII.GetBytes(Header(i) + "body\r\n"), Cancellation);
            }
        }

        await relay.KillAsync();
        await using var remote = ScriptedSmtpServer.Start(port: port);
        await relay.StartAgainAsync(Cancellation);

        var arrived = await remote.WaitForMessagesAsync(Messages, Cancellation);
        Assert.Equal(
            Enumerable.Range(0, Messages).Select(i => $"number {i}").Order(),
            arrived.Select(m => m.Text.Split('\n').Single(l => l.StartsWith("Subject: ", StringComparison.Ordinal))[9..].Trim()).Order());
    }

    private static string Header(int number) => $"From: a@sender.test\r\nTo: b@remote.test\r\nSubject: number {number}\r\n\r\n";

    private static RelaySetup Setup(int port, string? redis) =>
        new RelaySetup().WithRoute(port).With("Redis", redis).With("Delivery:Retry:Schedule", new JsonArray("00:00:01"));
}
