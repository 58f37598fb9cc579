using System.Collections.Concurrent;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Queue;

/// <summary>Accepted is durable: after any end of store or relay, everything that was accepted is found again, once.</summary>
public sealed class RestartTests
{
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_accepted_survives_a_killed_redis_and_a_new_relay()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "always");
        var folder = StoreUnderTest.NewFolder();
        var accepted = new ConcurrentBag<MessageId>();
        await using (var store = await StoreUnderTest.StartAsync(redis.ConnectionString, folder, Time, Cancellation))
        {
            var sending = Enumerable.Range(0, 8).Select(_ => AcceptUntilRefusedAsync(store, accepted)).ToList();
            await Eventually.HoldsAsync(() => accepted.Count > 200, Cancellation);
            await redis.KillAsync();
            await Task.WhenAll(sending);
        }

        await redis.StartAgainAsync(Cancellation);
        await using var again = await StoreUnderTest.StartAsync(redis.ConnectionString, folder, Time, Cancellation);
        await FindAllAsync(again, accepted);
    }

    [Fact]
    public async Task What_was_accepted_survives_a_killed_redis_under_the_same_relay()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "always");
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);
        var accepted = new ConcurrentBag<MessageId>();
        var sending = Enumerable.Range(0, 4).Select(_ => AcceptUntilRefusedAsync(store, accepted)).ToList();
        await Eventually.HoldsAsync(() => accepted.Count > 100, Cancellation);
        await redis.KillAsync();
        await Task.WhenAll(sending);

        await redis.StartAgainAsync(Cancellation);

        await FindAllAsync(store, accepted);
    }

    [Fact]
    public async Task A_settlement_waits_for_a_store_that_is_away()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "always");
        await using var store = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);
        await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation);
        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());

        await redis.KillAsync();
        var settling = store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
        Assert.False(settling.IsCompleted);
        await redis.StartAgainAsync(Cancellation);
        await settling;

        await Eventually.HoldsAsync(async () => (await store.Reader.MeasureAsync(Cancellation)).Units == 0, Cancellation);
    }

    [Fact]
    public async Task A_killed_relay_finds_leased_and_deferred_units_again()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        var folder = StoreUnderTest.NewFolder();
        UnitId leased, deferred;
        await using (var store = await StoreUnderTest.StartAsync(redis.ConnectionString, folder, Time, Cancellation))
        {
            await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation);
            leased = (await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime())[0].Id;
            await store.Queue.EnqueueAsync(TestMail.To(Time, "a@y.test"), null, Cancellation);
            var second = (await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime())[0];
            deferred = second.Id;
            await store.Queue.SettleAsync(TestMail.Deferred(second, Time, TimeSpan.FromSeconds(2)), Cancellation).InTime();
        }

        await using var again = await StoreUnderTest.StartAsync(redis.ConnectionString, folder, Time, Cancellation);

        // Together where the start took longer than the second one was put off.
        var found = new List<Lease>();
        while (found.Count < 2)
        {
            found.AddRange(await again.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        }

        Assert.Equal(new Dictionary<UnitId, int> { [leased] = 0, [deferred] = 1 }, found.ToDictionary(lease => lease.Id, lease => lease.Attempts));
    }

    [Fact]
    public async Task The_embedded_store_keeps_what_it_accepted_over_a_restart()
    {
        var folder = StoreUnderTest.NewFolder();
        var accepted = new ConcurrentBag<MessageId>();
        for (var run = 0; run < 3; run++)
        {
            await using var store = await StoreUnderTest.StartAsync(null, folder, Time, Cancellation);
            await AcceptAsync(store, accepted, 50);
        }

        await using var again = await StoreUnderTest.StartAsync(null, folder, Time, Cancellation);
        await FindAllAsync(again, accepted);
    }

    [Fact]
    public async Task The_embedded_store_keeps_what_it_accepted_when_it_ends_at_any_moment()
    {
        var folder = StoreUnderTest.NewFolder();
        var image = StoreUnderTest.NewFolder();
        var accepted = new ConcurrentBag<MessageId>();
        await using (var store = await StoreUnderTest.StartAsync(null, folder, Time, Cancellation))
        {
            await AcceptAsync(store, accepted, 200);

            // What a killed process leaves are its files as they are now.
            Copy(folder, image);
        }

        await using var again = await StoreUnderTest.StartAsync(null, image, Time, Cancellation);
        await FindAllAsync(again, accepted);
    }

    [Fact]
    public async Task The_embedded_store_keeps_what_it_accepted_before_and_after_its_log_became_files()
    {
        var folder = StoreUnderTest.NewFolder();
        var image = StoreUnderTest.NewFolder();
        var accepted = new ConcurrentBag<MessageId>();
        await using (var store = await StoreUnderTest.StartAsync(null, folder, Time, Cancellation))
        {
            await AcceptAsync(store, accepted, 50);
            await store.Connections.Background.ExecuteAsync("SAVE");
            await AcceptAsync(store, accepted, 50);
            Copy(folder, image);
        }

        await using var again = await StoreUnderTest.StartAsync(null, image, Time, Cancellation);
        await FindAllAsync(again, accepted);
    }

    private static async Task AcceptAsync(StoreUnderTest store, ConcurrentBag<MessageId> accepted, int count) =>
        await Task.WhenAll(Enumerable.Range(0, count).Select(async i =>
        {
            var message = TestMail.To(Time, $"a@d{i % 5}.test");
            Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(message, null, Cancellation).InTime());
            accepted.Add(message.Id);
        }));

    private static async Task AcceptUntilRefusedAsync(StoreUnderTest store, ConcurrentBag<MessageId> accepted)
    {
        while (true)
        {
            var message = TestMail.To(Time, "a@x.test");
            if (await store.Queue.EnqueueAsync(message, null, Cancellation).InTime() is not EnqueueResult.Accepted)
            {
                return;
            }

            accepted.Add(message.Id);
        }
    }

    private static async Task FindAllAsync(StoreUnderTest store, IEnumerable<MessageId> accepted)
    {
        var missing = accepted.ToHashSet();
        var seen = new HashSet<UnitId>();
        while (missing.Count > 0)
        {
            foreach (var lease in await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime())
            {
                Assert.True(seen.Add(lease.Id), $"{lease.Id} was leased twice");
                missing.Remove(lease.Message.Id);
                await store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
            }
        }
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f) != "relay.lock"))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
