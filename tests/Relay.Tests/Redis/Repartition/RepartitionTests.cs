using Relay.Mail.Accounts;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Webhooks;
using Relay.Redis;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Queue;
using Relay.Redis.Records;
using Relay.Redis.Repartition;
using Relay.Redis.Webhooks;
using Relay.TestKit.Redis;
using Relay.Tests.Redis.Shapes;

namespace Relay.Tests.Redis.Repartition;

/// <summary>The number of partitions changes under a store at rest: nothing is lost, whatever cuts the move off, and nothing is there twice.</summary>
[Collection(ClusterCollection.Name)]
public sealed class RepartitionTests(SharedCluster shared)
{
    private const int MostRuns = 500;

    private static readonly TimeProvider Time = TimeProvider.System;
    private static readonly DateOnly Today = DateOnly.FromDateTime(Time.GetUtcNow().UtcDateTime);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(4, 16)]
    [InlineData(16, 2)]
    public async Task On_one_server_killed_at_every_step(int from, int to)
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        await MovesAsync(redis.ConnectionString, from, to);
    }

    [Fact]
    public async Task On_a_cluster_killed_at_every_step()
    {
        await shared.Cluster.EmptyAsync(Cancellation);
        await MovesAsync(shared.Cluster.ConnectionString, 8, 32);
    }

    /// <summary>What was written is not known then, and the next run finds it.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(20261123)]
    public async Task On_one_server_whose_answers_are_lost_at_random(int seed)
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        var folder = StoreUnderTest.NewFolder();
        var kept = await FillAsync(redis.ConnectionString, folder, 4);

        await using var proxy = new RedisProxy(redis.Port);
        proxy.LoseAnswersAtRandom("relay:", chance: 0.02, seed);
        for (var run = 1; !await TryRunAsync(proxy.ConnectionString, 16); run++)
        {
            Assert.InRange(run, 1, MostRuns);
        }

        Assert.InRange(proxy.LostCount, 3, int.MaxValue);
        await IsMovedAsync(redis.ConnectionString, folder, kept, 4, 16);
    }

    [Fact]
    public async Task While_a_relay_runs_it_is_refused_and_while_it_is_not_ended_no_relay_starts()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        var folder = StoreUnderTest.NewFolder();
        await using (var store = await OpenAsync(redis.ConnectionString, folder, ("Queue:Partitions", "4")))
        {
            await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation);
            var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => new Repartitioner(store.Connections, () => { }).RunAsync(8, Cancellation));
            Assert.Contains("Stop every relay first", refused.Message, StringComparison.Ordinal);
            await store.StopAsync();
        }

        await using var connections = await ConnectAsync(redis.ConnectionString);
        await Assert.ThrowsAsync<StoreRefusedException>(() => new Repartitioner(connections, () => { }).RunAsync(6, Cancellation));
        var steps = 0;
        await Assert.ThrowsAsync<OperationCanceledException>(() => new Repartitioner(connections, () => CutAt(++steps, 3)).RunAsync(8, Cancellation));

        var closed = await Assert.ThrowsAsync<StoreRefusedException>(() => OpenAsync(redis.ConnectionString, folder));
        Assert.Contains("relay store repartition", closed.Message, StringComparison.Ordinal);
        var other = await Assert.ThrowsAsync<StoreRefusedException>(() => new Repartitioner(connections, () => { }).RunAsync(16, Cancellation));
        Assert.Contains("--partitions 8", other.Message, StringComparison.Ordinal);
        await new Repartitioner(connections, () => { }).RunAsync(8, Cancellation);
        await using var again = await OpenAsync(redis.ConnectionString, folder);
        Assert.Equal(8, again.Store.Partitions.Count);
    }

    [Fact]
    public async Task A_relay_that_was_killed_is_waited_for_and_settles_what_its_journal_knows_in_the_new_partitions()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        var folder = StoreUnderTest.NewFolder();
        var message = TestMail.To(Time, "a@x.test");
        await using (var proxy = new RedisProxy(redis.Port))
        await using (var store = await OpenAsync(proxy.ConnectionString, folder, ("Queue:Partitions", "4"), ("Queue:Lease", "00:00:03")))
        {
            await store.Queue.EnqueueAsync(message, null, Cancellation);
            var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
            await store.BeginDotAsync(lease, "mx.x.test", Cancellation);
            proxy.Cut();
            _ = store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).AsTask();
        }

        await using (var connections = await ConnectAsync(redis.ConnectionString))
        {
            await Eventually.HoldsAsync(() => MovesNowAsync(connections, 16), Cancellation);
        }

        await using var again = await OpenAsync(redis.ConnectionString, folder);
        Assert.Equal(16, again.Store.Partitions.Count);
        await Eventually.HoldsAsync(async () => (await again.Reader.MeasureAsync(Cancellation)).Units == 0, Cancellation);
        Assert.Equal([MailEventType.Accepted, MailEventType.Delivered], (await again.Activity.FindAsync("acme", message.Id, Cancellation))!.Events.Select(e => e.Type));
    }

    // False as long as a relay may run.
    internal static async Task<bool> MovesNowAsync(StoreConnections connections, int to)
    {
        try
        {
            await new Repartitioner(connections, () => { }).RunAsync(to, Cancellation);
            return true;
        }
        catch (StoreRefusedException)
        {
            return false;
        }
    }

    [Fact]
    public async Task A_relay_that_stood_still_meanwhile_takes_no_partition_and_no_mail()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        await using var store = await OpenAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), ("Queue:Partitions", "4"));
        await redis.AskAsync(Cancellation, "HSET", "relay:store", Repartitioner.NoteField, "4 8");
        var ownership = store.Get<Ownership>();
        await ownership.ReleaseAsync();

        await ownership.ClaimAsync();
        Assert.DoesNotContain(store.Store.Partitions, partition => partition.IsOwned);

        await redis.AskAsync(Cancellation, "HSET", "relay:store", Repartitioner.PartitionsField, "8");
        await redis.AskAsync(Cancellation, "HDEL", "relay:store", Repartitioner.NoteField);
        await ownership.ClaimAsync();
        Assert.DoesNotContain(store.Store.Partitions, partition => partition.IsOwned);
        await Eventually.HoldsAsync(
            async () => await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation).InTime() is EnqueueResult.StoreUnavailable, Cancellation);
        Assert.Contains(store.Get<IStoreHealth>().Warnings, warning => warning.Contains("another number of partitions", StringComparison.Ordinal));
    }

    [Fact]
    public async Task On_a_cluster_with_a_shard_that_is_away_it_does_not_take_what_it_sees_for_all()
    {
        await using var redis = await RedisCluster.StartAsync(Cancellation);
        await using var connections = await ConnectAsync(redis.ConnectionString);
        var keys = HashTags.For(8).Select(tag => new PartitionKeys(tag).Settled).ToList();
        Assert.Equal(3, (await connections.PrimariesOfAsync(keys)).Count);

        // Its replica first, or that would take over.
        await redis.Servers[1 + 3].KillAsync();
        await redis.Servers[1].KillAsync();
        await Eventually.HoldsAsync(() => connections.Primaries().Count() == 2, Cancellation);

        await Assert.ThrowsAnyAsync<StackExchange.Redis.RedisException>(() => connections.PrimariesOfAsync(keys));
    }

    [Fact]
    public async Task A_key_of_a_later_version_stops_it_and_stays()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        var folder = StoreUnderTest.NewFolder();
        await using (var store = await OpenAsync(redis.ConnectionString, folder, ("Queue:Partitions", "2")))
        {
            await store.StopAsync();
        }

        var unknown = $"relay:{{{HashTags.For(2)[1]}}}:later:x";
        await redis.AskAsync(Cancellation, "SET", unknown, "1");
        await using var connections = await ConnectAsync(redis.ConnectionString);

        await Assert.ThrowsAsync<StoreRefusedException>(() => new Repartitioner(connections, () => { }).RunAsync(4, Cancellation));

        Assert.Equal("1", await redis.AskAsync(Cancellation, "GET", unknown));
    }

    private static async Task MovesAsync(string redis, int from, int to)
    {
        var folder = StoreUnderTest.NewFolder();
        var kept = await FillAsync(redis, folder, from);

        await using (var connections = await ConnectAsync(redis))
        {
            // Each run is cut off a step later than the one before; what it did the next one finds done.
            for (var cut = 1; ; cut++)
            {
                var steps = 0;
                try
                {
                    await new Repartitioner(connections, () => CutAt(++steps, cut)).RunAsync(to, Cancellation);
                    break;
                }
                catch (OperationCanceledException) when (!Cancellation.IsCancellationRequested)
                {
                }
            }
        }

        await IsMovedAsync(redis, folder, kept, from, to);
    }

    // False when it was cut off.
    private static async Task<bool> TryRunAsync(string redis, int to)
    {
        try
        {
            await using var connections = await ConnectAsync(redis);
            await new Repartitioner(connections, () => { }).RunAsync(to, Cancellation);
            return true;
        }
        catch (Exception e) when (StoreFailure.Covers(e))
        {
            return false;
        }
    }

    private static async Task IsMovedAsync(string redis, string folder, Kept kept, int from, int to)
    {
        await using var store = await OpenAsync(redis, folder);
        Assert.Equal(to, store.Store.Partitions.Count);
        await IsAllThereAsync(store, kept);
        Assert.Empty(await OldKeysAsync(store, from));
    }

    private static async Task<Kept> FillAsync(string redis, string folder, int partitions)
    {
        await using var store = await OpenAsync(redis, folder, ("Queue:Partitions", partitions.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        var kept = new Kept();
        await store.Get<IWebhookStore>().AddAsync(kept.Webhook, Cancellation);
        await Eventually.HoldsAsync(() => store.Get<WebhookDirectory>().Find(WebhookDirectory.NameOf(kept.Webhook)) is not null, Cancellation);
        for (var i = 0; i < 12; i++)
        {
            var message = TestMail.To(Time, i % 3 == 0 ? ["a@x.test", "b@y.test"] : ["a@x.test"]);
            IdempotencyKey? key = null;
            if (i % 4 == 0)
            {
                // Of every other one only a part tells the slot.
                key = new IdempotencyKey(i % 8 == 0 ? $"key{i}{IdempotencyKey.Besides}body" : $"key{i}", "f");
                message = message with { Id = MessageId.Create(Time, key.SlotFor("acme")) };
                kept.Keys[key] = message.Id;
            }

            if (i == 1)
            {
                await store.Get<IContentStore>().WriteChunkAsync(message.Id, 0, new byte[1_000], Cancellation);
                message = message with { Content = message.Content with { Chunks = 1, Length = message.Content.Length + 1_000 } };
            }

            Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(message, key, Cancellation).InTime());
            kept.Messages.Add(message);
        }

        var leases = new List<Lease>();
        while (leases.Count < kept.Messages.Sum(m => Unit.Of(m).Count))
        {
            leases.AddRange(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        }

        // One ends whole, one only in part, one waits with what its first attempt left.
        foreach (var lease in leases.Where(l => l.Message.Id == kept.Messages[2].Id || l.Id == new UnitId(kept.Messages[3].Id, 0)))
        {
            await store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
        }

        await store.Queue.SettleAsync(TestMail.Deferred(leases.Single(l => l.Message.Id == kept.Messages[4].Id), Time, TimeSpan.Zero), Cancellation).InTime();
        await Eventually.HoldsAsync(async () => await OutboxAsync(store) == 0, Cancellation);

        // The first event of one that ended was taken by the webhook, another one's is put off.
        await EndTurnAsync(store, kept.Messages[2].Id, turn => new WebhookTurnEnd(turn) { Next = turn.Events[0].Next, Taken = 1 });
        await EndTurnAsync(store, kept.Messages[7].Id, turn => new WebhookTurnEnd(turn) { Next = turn.From, Due = Time.GetUtcNow().AddMilliseconds(1), Failures = 3, Error = "HTTP 500" });
        kept.Told = await WaitingForWebhookAsync(store, kept.Messages.Count);
        await store.StopAsync();

        // What the projector did not come to, and what could not be read.
        await using var connections = await ConnectAsync(redis);
        var last = kept.Messages[5];
        var keys = new PartitionKeys(HashTags.For(partitions)[last.Id.Partition(partitions)]);
        var told = new MailEvent { Time = Time.GetUtcNow(), Type = MailEventType.Opened, Message = last.Id, Account = "acme" };
        await connections.Background.ListRightPushAsync(keys.Outbox, EventRecord.Write(told, 1, ends: false));
        await connections.Background.ListRightPushAsync(keys.Unreadable, "something");
        return kept;
    }

    private static async Task IsAllThereAsync(StoreUnderTest store, Kept kept)
    {
        var told = await WaitingForWebhookAsync(store, kept.Told.Count);
        Assert.Equal(kept.Told.Order(), told.Order());
        Assert.Equal(1, (await store.Get<IWebhookTraffic>().StandingAsync(kept.Webhook, Cancellation)).Taken);
        var depth = await store.Reader.MeasureAsync(Cancellation);
        Assert.Equal(kept.Messages.Sum(m => Unit.Of(m).Count) - 2, depth.Units);
        Assert.Equal(1, depth.Unreadable);
        foreach (var (key, first) in kept.Keys)
        {
            var again = TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, key.SlotFor("acme")) };
            Assert.Equal(first, Assert.IsType<EnqueueResult.Duplicate>(await store.Queue.EnqueueAsync(again, key, Cancellation).InTime()).First);
        }

        var leases = new List<Lease>();
        while (leases.Count < depth.Units)
        {
            leases.AddRange(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        }

        Assert.Equal(1, leases.Single(l => l.Message.Id == kept.Messages[4].Id).Attempts);
        await foreach (var chunk in store.Get<IContentStore>().ReadChunksAsync(kept.Messages[1], Cancellation))
        {
            Assert.Equal(1_000, chunk.Length);
        }

        await Task.WhenAll(leases.Select(lease => store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime()));
        Assert.Equal(0, (await store.Reader.MeasureAsync(Cancellation)).Units);
        await Eventually.HoldsAsync(async () => await OutboxAsync(store) == 0, Cancellation);
        foreach (var message in kept.Messages)
        {
            Assert.False(await store.Connections.Reading.KeyExistsAsync(store.Store.PartitionOf(message.Id).Keys.Message(message.Id)));
            var events = (await store.Activity.FindAsync("acme", message.Id, Cancellation))!.Events;
            Assert.Equal(MailEventType.Accepted, events[0].Type);
            Assert.Equal(message.Envelope.Recipients.Count, events.Count(e => e.Type == MailEventType.Delivered));
        }

        var counted = (await store.Get<IStatisticsReader>().ReadAsync("acme", Today.AddDays(-1), Today.AddDays(1), Cancellation)).SelectMany(d => d.Events).ToList();
        Assert.Equal(kept.Messages.Count, counted.Where(e => e.Key == MailEventType.Accepted).Sum(e => e.Value));
        Assert.Equal(kept.Messages.Sum(m => m.Envelope.Recipients.Count), counted.Where(e => e.Key == MailEventType.Delivered).Sum(e => e.Value));
        Assert.Equal(kept.Messages.Sum(m => m.Envelope.Recipients.Count), (await store.Get<IUsageReader>().ReadAsync("acme", null, Today, Cancellation)).Month);
        Assert.Equal(1, counted.Where(e => e.Key == MailEventType.Opened).Sum(e => e.Value));
        Assert.Equal(kept.Messages.Count, (await store.Activity.ListAsync("acme", null, 100, Cancellation)).Count);
    }

    // Each message with where in its past the webhook stands, how often that failed, and what has happened since.
    private static async Task<List<string>> WaitingForWebhookAsync(StoreUnderTest store, int messages)
    {
        var found = new Dictionary<MessageId, string>();
        await Eventually.HoldsAsync(
            async () =>
            {
                await EachTurnAsync(store, (_, turn) =>
                {
                    // The one that was written behind the projector's back may have come to it by now.
                    var types = turn.Events.Select(e => e.Happened!.Type).Where(type => type != MailEventType.Opened);
                    found[turn.Message] = $"{turn.Message} {turn.From} {turn.Failures} {string.Join(' ', types)}";
                    return Task.CompletedTask;
                });
                return found.Count == messages;
            },
            Cancellation);
        return [.. found.Values];
    }

    private static async Task EndTurnAsync(StoreUnderTest store, MessageId message, Func<WebhookTurn, WebhookTurnEnd> end)
    {
        var isEnded = false;
        await Eventually.HoldsAsync(
            async () =>
            {
                await EachTurnAsync(store, async (lane, turn) =>
                {
                    if (turn.Message == message && !isEnded)
                    {
                        await store.Get<IWebhookLanes>().SettleAsync(lane, [end(turn)], Cancellation);
                        isEnded = true;
                    }
                });
                return isEnded;
            },
            Cancellation);
    }

    private static async Task EachTurnAsync(StoreUnderTest store, Func<WebhookLane, WebhookTurn, Task> act)
    {
        var lanes = store.Get<IWebhookLanes>();
        foreach (var lane in await lanes.TakeDueAsync(Cancellation))
        {
            foreach (var turn in await lanes.ReadAsync(lane, 64, long.MaxValue, null, Cancellation))
            {
                await act(lane, turn);
            }

            await lanes.GiveBackAsync(lane, null, Cancellation);
        }
    }

    private static async Task<long> OutboxAsync(StoreUnderTest store) =>
        (await Task.WhenAll(store.Store.Partitions.Select(p => store.Connections.Reading.ListLengthAsync(p.Keys.Outbox)))).Sum();

    private static async Task<List<string>> OldKeysAsync(StoreUnderTest store, int partitions)
    {
        var left = new List<string>();
        foreach (var server in store.Connections.Primaries())
        {
            await foreach (var key in server.KeysAsync(pattern: "relay:{*"))
            {
                left.Add(key.ToString());
            }
        }

        var old = HashTags.For(partitions).ToHashSet();
        return [.. left.Where(key => old.Contains(key["relay:{".Length..key.IndexOf('}', StringComparison.Ordinal)]))];
    }

    private static void CutAt(int step, int cut)
    {
        if (step == cut)
        {
            throw new OperationCanceledException();
        }
    }

    private static Task<StoreConnections> ConnectAsync(string redis) => StoreConnections.OpenAsync(
        StoreConnections.Configure(redis, TimeSpan.FromSeconds(5)), Cancellation);

    private static Task<StoreUnderTest> OpenAsync(string redis, string folder, params (string, string)[] settings) =>
        StoreUnderTest.StartAsync(redis, folder, Time, Cancellation, settings);

    private sealed class Kept
    {
        public List<Message> Messages { get; } = [];
        public List<string> Told { get; set; } = [];
        public EventWebhook Webhook { get; } = new()
        {
            Id = "hook_1",
            Account = "acme",
            Url = new Uri("https://hooks.acme.test/events"),
            Secret = [1, 2, 3],
            CreatedAt = DateTimeOffset.UnixEpoch,
            By = "key_1",
        };

        public Dictionary<IdempotencyKey, MessageId> Keys { get; } = [];
    }
}
