using System.Globalization;
using Relay.Mail.Events;
using Relay.Mail.Queue;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Queue;

/// <summary>
/// A store that does not write for a while: new mail is refused in bounded time, outcomes of attempts already running are
/// kept and settled once it does again, and nobody hammers at it meanwhile.
/// </summary>
public sealed class BackPressureTests
{
    private const int Units = 20;
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public Task A_read_only_store() => OutlivedAsync(
        redis => redis.AskAsync(Cancellation, "REPLICAOF", "127.0.0.1", "1"),
        redis => redis.AskAsync(Cancellation, "REPLICAOF", "NO", "ONE"));

    [Fact]
    public Task A_store_that_lacks_its_replicas() => OutlivedAsync(
        redis => redis.AskAsync(Cancellation, "CONFIG", "SET", "min-replicas-to-write", "1"),
        redis => redis.AskAsync(Cancellation, "CONFIG", "SET", "min-replicas-to-write", "0"));

    [Fact]
    public Task A_store_whose_disk_fails() => OutlivedAsync(
        async redis =>
        {
            // The snapshot cannot take the place of a folder.
            Directory.CreateDirectory(Path.Combine(redis.Folder, "dump.rdb", "x"));
            await redis.AskAsync(Cancellation, "CONFIG", "SET", "save", "3600 1000000");
            await redis.AskAsync(Cancellation, "BGSAVE");
            await SavedAsync(redis, "err");
        },
        async redis =>
        {
            Directory.Delete(Path.Combine(redis.Folder, "dump.rdb"), recursive: true);
            await redis.AskAsync(Cancellation, "BGSAVE");
            await SavedAsync(redis, "ok");
        });

    [Fact]
    public async Task A_store_that_is_busy()
    {
        Task<string>? endless = null;
        await OutlivedAsync(
            async redis =>
            {
                await redis.AskAsync(Cancellation, "CONFIG", "SET", "busy-reply-threshold", "10");
                endless = redis.AskAsync(Cancellation, "EVAL", "while true do end", "0");
                await Eventually.HoldsAsync(() => IsBusyAsync(redis), Cancellation);
            },
            redis => redis.AskAsync(Cancellation, "SCRIPT", "KILL"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => endless!);
    }

    [Fact]
    public Task A_store_whose_writes_are_paused() => OutlivedAsync(
        redis => redis.AskAsync(Cancellation, "CLIENT", "PAUSE", "60000", "WRITE"),
        redis => redis.AskAsync(Cancellation, "CLIENT", "UNPAUSE"));

    [Fact]
    public Task A_store_that_is_stopped() => OutlivedAsync(
        redis =>
        {
            redis.Pause();
            return Task.CompletedTask;
        },
        redis =>
        {
            redis.Continue();
            return Task.CompletedTask;
        },
        countable: false);

    [Fact]
    public Task A_store_that_is_gone() => OutlivedAsync(redis => redis.KillAsync(), redis => redis.StartAgainAsync(Cancellation), countable: false);

    [Fact]
    public async Task A_store_that_loads_its_file()
    {
        await using var redis = await RedisServer.StartAsync(
            Cancellation, "everysec", "--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024", "--rdbcompression", "no");
        await using var store = await StartAsync(redis);
        var kept = TestMail.To(Time, "a@x.test");
        Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(kept, null, Cancellation).InTime());
        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());

        // Into the part of the file whose loading can be slowed down; for longer than it takes a connection to be made again.
        await redis.AskAsync(Cancellation, "DEBUG", "POPULATE", "3000", "filler", "2048");
        await redis.AskAsync(Cancellation, "BGREWRITEAOF");
        await Eventually.HoldsAsync(
            async () => (await redis.AskAsync(Cancellation, "INFO", "persistence")) is var info
                && info.Contains("aof_rewrite_in_progress:0", StringComparison.Ordinal) && info.Contains("aof_rewrite_scheduled:0", StringComparison.Ordinal), Cancellation);
        await redis.KillAsync();
        await redis.LaunchAsync(Cancellation);

        // In which words is not for this test: the client library drops a connection on which it heard of the loading itself, and may
        // do so with each one it makes.
        for (var i = 0; i < Units; i++)
        {
            Assert.IsType<EnqueueResult.StoreUnavailable>(await store.Queue.EnqueueAsync(TestMail.To(Time, "b@x.test"), null, Cancellation).InTime());
            Assert.Contains("\r\nloading:1\r\n", await redis.AskAsync(Cancellation, "INFO", "persistence"), StringComparison.Ordinal);
        }

        await Eventually.HoldsAsync(() => !store.Get<IStoreHealth>().IsReady, Cancellation);

        await redis.AskAsync(Cancellation, "CONFIG", "SET", "key-load-delay", "0");
        await store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
        await Eventually.HoldsAsync(
            async () => await store.Queue.EnqueueAsync(TestMail.To(Time, "c@x.test"), null, Cancellation).InTime() is EnqueueResult.Accepted, Cancellation);
    }

    private static async Task OutlivedAsync(Func<RedisServer, Task> cause, Func<RedisServer, Task> mend, bool countable = true)
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var store = await StartAsync(redis);
        for (var i = 0; i < Units; i++)
        {
            // What is not answered within the short time that these tests set is refused, and given again.
            await Eventually.HoldsAsync(
                async () => await store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test"), null, Cancellation).InTime() is EnqueueResult.Accepted, Cancellation);
        }

        var leases = new List<Lease>();
        while (leases.Count < Units)
        {
            leases.AddRange(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        }

        await cause(redis);
        var settling = leases.Select(lease => store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).AsTask()).ToList();
        for (var i = 0; i < 3; i++)
        {
            Assert.IsType<EnqueueResult.StoreUnavailable>(await store.Queue.EnqueueAsync(TestMail.To(Time, "b@x.test"), null, Cancellation).InTime());
        }

        await Eventually.HoldsAsync(() => !store.Get<IStoreHealth>().IsReady, Cancellation);
        Assert.DoesNotContain(settling, s => s.IsCompleted);
        if (countable)
        {
            // The first tries of a step come in quick succession, since a store that restarts is back soon. Once they are over
            // it stays at rest.
            await Eventually.HoldsAsync(() => IsLeftAloneAsync(redis, TimeSpan.FromSeconds(1)), Cancellation);
            Assert.True(await IsLeftAloneAsync(redis, TimeSpan.FromSeconds(3)));
        }

        await mend(redis);

        await Task.WhenAll(settling).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        await Eventually.HoldsAsync(async () => (await store.Reader.MeasureAsync(Cancellation)).Units == 0, Cancellation);
        foreach (var lease in leases)
        {
            var activity = await store.Activity.FindAsync("acme", lease.Message.Id, Cancellation);
            Assert.Single(activity!.Events, e => e.Type == MailEventType.Delivered);
        }

        await Eventually.HoldsAsync(
            async () => await store.Queue.EnqueueAsync(TestMail.To(Time, "c@x.test"), null, Cancellation).InTime() is EnqueueResult.Accepted, Cancellation);
        await Eventually.HoldsAsync(() => store.Get<IStoreHealth>().IsReady, Cancellation);
    }

    private static async Task<bool> IsLeftAloneAsync(RedisServer redis, TimeSpan atLeast)
    {
        var (from, start) = await CommandsAsync(redis);
        var (to, end) = (from, start);
        while (end - start < atLeast)
        {
            // Each question is a command too.
            await Task.Delay(350, Cancellation);
            (to, end) = await CommandsAsync(redis);
        }

        return to - from < 150 * (end - start).TotalSeconds;
    }

    private static async Task<(long Commands, TimeSpan Clock)> CommandsAsync(RedisServer redis)
    {
        try
        {
            var line = (await redis.AskAsync(Cancellation, "INFO", "stats")).Split("\r\n").Single(l => l.StartsWith("total_commands_processed:", StringComparison.Ordinal));
            return (long.Parse(line.Split(':')[1], CultureInfo.InvariantCulture), Stopwatch());
        }
        catch (InvalidOperationException)
        {
            // Busy: it processes nothing.
            return (0, Stopwatch());
        }
    }

    private static TimeSpan Stopwatch() => TimeSpan.FromMilliseconds(Environment.TickCount64);

    private static async Task<bool> IsBusyAsync(RedisServer redis)
    {
        try
        {
            await redis.AskAsync(Cancellation, "PING");
            return false;
        }
        catch (InvalidOperationException)
        {
            return true;
        }
    }

    private static Task SavedAsync(RedisServer redis, string status) => Eventually.HoldsAsync(
        async () => (await redis.AskAsync(Cancellation, "INFO", "persistence")) is var info
            && info.Contains("rdb_bgsave_in_progress:0", StringComparison.Ordinal)
            && info.Contains($"rdb_last_bgsave_status:{status}", StringComparison.Ordinal),
        Cancellation);

    private static Task<StoreUnderTest> StartAsync(RedisServer redis) =>
        StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:AnswerTimeout", "00:00:02"));
}
