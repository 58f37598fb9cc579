using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Relay.ScenarioTests.Harness;
using Relay.TestKit;
using Relay.TestKit.Redis;
using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Storing;

/// <summary>Mail goes on coming while the primary dies: what was answered with 250 arrives, and the relay goes on without a restart.</summary>
public sealed class FailoverTests
{
    private const int Clients = 6;
    private const int Before = 150;
    private const int After = 60;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task On_a_cluster_without_acknowledgement_mail_the_relay_still_holds_outlives_the_failover()
    {
        await using var redis = await RedisCluster.StartAsync(Cancellation);
        await SurvivesAsync(redis.ConnectionString, async () => await redis.FailOverAsync(redis.Servers[1], Cancellation), replicas: 0, "crash-safe");
    }

    [Fact]
    public async Task Under_sentinels_without_acknowledgement_mail_the_relay_still_holds_outlives_the_failover()
    {
        await using var redis = await RedisSentinel.StartAsync(Cancellation);
        await SurvivesAsync(redis.ConnectionString, async () => await redis.FailOverAsync(Cancellation), replicas: 0, "crash-safe");
    }

    [Fact]
    public async Task Under_sentinels_with_acknowledgement_by_a_replica_nothing_accepted_is_lost()
    {
        await using var redis = await RedisSentinel.StartAsync(Cancellation, replicas: 2);
        await SurvivesAsync(redis.ConnectionString, async () => await redis.FailOverAsync(Cancellation), replicas: 1, "replicated");
    }

    private static async Task SurvivesAsync(string redis, Func<Task> failOver, int replicas, string promise)
    {
        await using var remote = ScriptedSmtpServer.Start();
        var setup = new RelaySetup()
            .WithRoute(remote.Port)
            .With("Redis", redis)
            .With("Durability:Replicas", replicas)
            .With("Queue:AnswerTimeout", "00:00:02")
            .With("Delivery:Retry:Schedule", new JsonArray("00:00:01"));
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, setup);
        var ready = await relay.GetAsync("/health/ready", Cancellation);
        Assert.Equal(promise, ready.GetProperty("store").GetProperty("promise").GetString());

        var accepted = new ConcurrentBag<string>();
        using var stop = new CancellationTokenSource();
        var clients = Enumerable.Range(0, Clients).Select(client => SubmitAsync(relay, client, accepted, stop.Token)).ToList();
        await Poll.UntilAsync(() => accepted.Count >= Before, Cancellation, () => relay.Output);

        await failOver();

        var then = accepted.Count;
        await Poll.UntilAsync(() => accepted.Count >= then + After, Cancellation, () => relay.Output);
        await stop.CancelAsync();
        await Task.WhenAll(clients);

        await Poll.UntilAsync(
            () => Missing(accepted, remote).Count == 0,
            Cancellation,
            () => $"""
                {Missing(accepted, remote).Count} of {accepted.Count} accepted did not arrive: {string.Join(' ', Missing(accepted, remote).Take(10))}
                {relay.Output}
                """);
        await relay.WaitForAsync("/queue", queue => queue.GetProperty("depth").GetInt64() == 0, Cancellation);
        await relay.WaitUntilReadyAsync(Cancellation);
    }

    // One after the other; what is not answered with 250 is forgotten, as a client would keep it and try again.
    private static async Task SubmitAsync(RelayUnderTest relay, int client, ConcurrentBag<string> accepted, CancellationToken stop)
    {
        Submitter? submitter = null;
        for (var number = 0; !stop.IsCancellationRequested; number++)
        {
            var recipient = string.Create(CultureInfo.InvariantCulture, $"c{client}-{number}@remote.test");
            try
            {
                submitter ??= await Submitter.ConnectAsync(relay, Cancellation);
                await submitter.SubmitAsync("a@sender.test", [recipient], Encoding.ASCII.GetBytes($"From: a@sender.test\r\nSubject: {number}\r\n\r\nx\r\n"), Cancellation);
                accepted.Add(recipient);
            }
            catch (IOException)
            {
                await (submitter?.DisposeAsync() ?? ValueTask.CompletedTask);
                submitter = null;
            }
        }

        await (submitter?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    private static List<string> Missing(IEnumerable<string> accepted, ScriptedSmtpServer remote) =>
        [.. accepted.Except(remote.Messages.SelectMany(m => m.RcptTo).Select(rcpt => rcpt["RCPT TO:<".Length..^1]))];
}
