using System.Text.RegularExpressions;
using Relay.Mail.Events;
using Relay.Mail.Queue;
using Relay.Redis.Durability;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Durability;

/// <summary>An accept is answered once as many replicas, or the disk, have it as the configuration asks for; else it is unknown, and taken back.</summary>
public sealed partial class AcknowledgementTests
{
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_accept_is_at_the_replica_when_it_is_answered()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec", "--repl-diskless-sync-delay", "0");
        await using var replica = await ReplicaOfAsync(redis);
        await using var store = await StartAsync(redis.ConnectionString, ("Durability:Replicas", "1"));
        Assert.Equal(PromiseClass.Replicated, store.Get<IStoreHealth>().Promise!.Class);

        // Many at once share a question; those with a condition ask as well.
        var messages = Enumerable.Range(0, 50).Select(_ => TestMail.To(Time, "a@x.test")).ToList();
        var results = await Task.WhenAll(messages.Select((message, i) =>
            store.Queue.EnqueueAsync(message, i % 10 == 0 ? new IdempotencyKey($"k{i}", "f") : null, Cancellation).AsTask()));
        await redis.KillAsync();

        Assert.All(results, result => Assert.IsType<EnqueueResult.Accepted>(result));
        foreach (var message in messages)
        {
            Assert.Equal("1", await replica.AskAsync(Cancellation, "EXISTS", store.Store.PartitionOf(message.Id).Keys.Message(message.Id).ToString()));
        }
    }

    [Fact]
    public async Task With_fewer_replicas_than_asked_for_the_sender_is_told_to_come_back_and_the_accept_is_taken_back()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec", "--repl-diskless-sync-delay", "0");
        await using var replica = await ReplicaOfAsync(redis);
        await using var store = await StartAsync(redis.ConnectionString, ("Durability:Replicas", "1"), ("Queue:AnswerTimeout", "00:00:03"));
        var message = TestMail.To(Time, "a@x.test");
        replica.Pause();

        var refused = Assert.IsType<EnqueueResult.StoreUnavailable>(await store.Queue.EnqueueAsync(message, null, Cancellation).InTime());

        replica.Continue();
        Assert.Contains("0 replicas", refused.Reason, StringComparison.Ordinal);
        await Eventually.HoldsAsync(
            async () => (await store.Activity.FindAsync("acme", message.Id, Cancellation))?.Events is [.., { Type: MailEventType.Cancelled }], Cancellation);
        Assert.Equal(0, (await store.Reader.MeasureAsync(Cancellation)).Units);
        await Eventually.HoldsAsync(
            async () => await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation) is EnqueueResult.Accepted, Cancellation);
    }

    [Fact]
    public async Task That_a_replica_is_missing_is_said_at_the_start()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StartAsync(redis.ConnectionString, ("Durability:Replicas", "1"));

        Assert.Contains(store.Get<IStoreHealth>().Warnings, w => w.StartsWith("Relay:Durability:Replicas is 1 but 0 are connected", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_store_that_went_back_behind_an_accept_does_not_acknowledge_it()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec", "--repl-diskless-sync-delay", "0");
        await using var replica = await ReplicaOfAsync(redis);
        await using var store = await StartAsync(redis.ConnectionString, ("Durability:Replicas", "1"));
        var acknowledgement = store.Get<Acknowledgement>();
        var partition = store.Store.Partitions[0];
        var step = store.Connections.Intake.CreateTransaction();
        var mark = acknowledgement.Mark(step, partition);
        await step.ExecuteAsync();
        Assert.Null(await acknowledgement.WaitAsync(mark));

        // As a failover to a replica that had not received it.
        await redis.AskAsync(Cancellation, "FLUSHALL");

        Assert.Contains("went back", (await acknowledgement.WaitAsync(mark))!.Value.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_is_lost_before_it_is_asked_leaves_the_accept_unknown()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec", "--repl-diskless-sync-delay", "0");
        await using var replica = await ReplicaOfAsync(redis);
        await using var store = await StartAsync(redis.ConnectionString, ("Durability:Replicas", "1"));
        var acknowledgement = store.Get<Acknowledgement>();
        var step = store.Connections.Intake.CreateTransaction();
        var mark = acknowledgement.Mark(step, store.Store.Partitions[0]);
        await step.ExecuteAsync();
        await redis.KillAsync();
        await Eventually.HoldsAsync(() => !store.Connections.Acknowledging.Multiplexer.IsConnected, Cancellation);

        Assert.False((await acknowledgement.WaitAsync(mark))!.Value.IsCertain);
    }

    [Fact]
    public async Task An_accept_that_a_failover_lost_is_not_acknowledged_by_a_later_one_on_the_new_primary()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec", "--repl-diskless-sync-delay", "0");
        await using var replica = await ReplicaOfAsync(redis);
        await using var store = await StartAsync(redis.ConnectionString, ("Durability:Replicas", "1"));
        var acknowledgement = store.Get<Acknowledgement>();
        var partition = store.Store.Partitions[0];
        var (first, second) = (store.Connections.Intake.CreateTransaction(), store.Connections.Intake.CreateTransaction());
        var lost = acknowledgement.Mark(first, partition);
        await first.ExecuteAsync();

        // Lost with the old primary, of which the client has heard.
        store.Store.Doubt();
        var later = acknowledgement.Mark(second, partition);
        await second.ExecuteAsync();

        Assert.Contains("was lost", (await acknowledgement.WaitAsync(lost))!.Value.Reason, StringComparison.Ordinal);
        Assert.Null(await acknowledgement.WaitAsync(later));
    }

    [Fact]
    public async Task An_accept_whose_own_mark_is_there_is_acknowledged_whatever_connection_was_lost_meanwhile()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec", "--repl-diskless-sync-delay", "0");
        await using var replica = await ReplicaOfAsync(redis);
        await using var store = await StartAsync(redis.ConnectionString, ("Durability:Replicas", "1"));
        var acknowledgement = store.Get<Acknowledgement>();
        var partition = store.Store.Partitions[0];
        var (plain, keyed) = (store.Connections.Intake.CreateTransaction(), store.Connections.Guarded.CreateTransaction());
        var marks = new[] { acknowledgement.Mark(plain, partition), acknowledgement.MarkAlone(keyed, partition) };
        await plain.ExecuteAsync();
        await keyed.ExecuteAsync();

        store.Store.Doubt();

        Assert.All(await Task.WhenAll(marks.Select(acknowledgement.WaitAsync)), Assert.Null);
    }

    [Fact]
    public async Task A_step_that_was_overtaken_is_acknowledged_and_so_is_the_one_that_overtook_it()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec", "--repl-diskless-sync-delay", "0");
        await using var replica = await ReplicaOfAsync(redis);
        await using var store = await StartAsync(redis.ConnectionString, ("Durability:Replicas", "1"));
        var acknowledgement = store.Get<Acknowledgement>();
        var partition = store.Store.Partitions[0];
        var (first, second) = (store.Connections.Guarded.CreateTransaction(), store.Connections.Guarded.CreateTransaction());
        var marks = new[] { acknowledgement.MarkAlone(first, partition), acknowledgement.MarkAlone(second, partition) };
        await second.ExecuteAsync();
        await first.ExecuteAsync();

        Assert.All(await Task.WhenAll(marks.Select(acknowledgement.WaitAsync)), Assert.Null);
    }

    /// <summary>Redis 7.0, which Debian has, does not know WAITAOF: its answers are acted here. That the real one flushes is not shown.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public async Task A_server_that_can_is_asked_whether_its_disk_has_the_accept(int flushed)
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        await using var newer = new RedisShim(redis);
        var version = VersionLine().Match(await redis.AskAsync(Cancellation, "INFO", "server")).Groups[1].Value;
        var asked = 0;
        newer.Version = (version, "7.2.15"[..Math.Min(6, version.Length)].PadRight(version.Length, '0'));
        newer.Instead = command =>
        {
            if (command[0] != "WAITAOF")
            {
                return null;
            }

            Interlocked.Increment(ref asked);
            Assert.Equal(["1", "0"], command[1..3]);
            return ["EVAL", $"return {{{flushed},0}}", "0"];
        };
        await using var store = await StartAsync(newer.ConnectionString, ("Queue:AnswerTimeout", "00:00:02"));
        Assert.Equal(PromiseClass.PowerSafe, store.Get<IStoreHealth>().Promise!.Class);

        var result = await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation).InTime();

        Assert.True(asked > 0);
        Assert.Equal(flushed == 1 ? typeof(EnqueueResult.Accepted) : typeof(EnqueueResult.StoreUnavailable), result.GetType());
    }

    private static async Task<RedisServer> ReplicaOfAsync(RedisServer primary)
    {
        var replica = await RedisServer.StartAsync(Cancellation, "everysec", "--replicaof", $"127.0.0.1 {primary.Port}");
        await Eventually.HoldsAsync(
            async () => (await replica.AskAsync(Cancellation, "INFO", "replication")).Contains("master_link_status:up", StringComparison.Ordinal), Cancellation);
        return replica;
    }

    private static Task<StoreUnderTest> StartAsync(string redis, params (string, string)[] settings) =>
        StoreUnderTest.StartAsync(redis, StoreUnderTest.NewFolder(), Time, Cancellation, settings);

    [GeneratedRegex(@"redis_version:(\S+)")]
    private static partial Regex VersionLine();
}
