using System.Text.Json;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Queue;
using Relay.Redis.Records;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Queue;

/// <summary>A store over its memory refuses every step, the removing ones too: the queue empties all the same, and nothing of what happened is lost.</summary>
public sealed class DrainTests : IAsyncLifetime
{
    private static readonly TimeProvider Time = TimeProvider.System;
    private readonly string _folder = StoreUnderTest.NewFolder();
    private RedisServer _redis = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _redis = await RedisServer.StartAsync(Cancellation, "everysec");

    public async ValueTask DisposeAsync() => await _redis.DisposeAsync();

    [Fact]
    public async Task The_queue_drains_while_the_store_is_full_and_events_are_told_once_it_has_room()
    {
        await using var store = await OpenAsync();
        var messages = await AcceptAsync(store);
        var leases = await LeaseAsync(store, messages.Sum(m => Unit.Of(m).Count));
        await FillAsync();
        var deferred = leases[^1];

        var deferring = store.Queue.SettleAsync(TestMail.Deferred(deferred, Time, TimeSpan.FromHours(1)), Cancellation).AsTask();
        await Task.WhenAll(leases.SkipLast(1).Select(lease => store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime()));

        Assert.Equal(1, (await store.Reader.MeasureAsync(Cancellation)).Units);
        foreach (var message in messages.Where(m => m.Id != deferred.Message.Id))
        {
            Assert.False(await store.Connections.Reading.KeyExistsAsync(store.Store.PartitionOf(message.Id).Keys.Message(message.Id)));
        }

        Assert.IsType<EnqueueResult.StoreFull>(await store.Queue.EnqueueAsync(TestMail.To(Time, "z@x.test"), null, Cancellation).InTime());
        Assert.False(deferring.IsCompleted);

        await EmptyAsync();

        await deferring.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        await ToldOnceAsync(store, messages.Where(m => m.Id != deferred.Message.Id));
        await Eventually.HoldsAsync(() => new FileInfo(Path.Combine(_folder, "drained.jsonl")).Length == 0, Cancellation);
    }

    [Fact]
    public async Task What_is_put_off_while_the_store_is_full_is_tried_again_when_its_time_comes_and_all_of_it_is_told()
    {
        await using var store = await OpenAsync();
        var message = TestMail.To(Time, "a@x.test");
        await store.Queue.EnqueueAsync(message, null, Cancellation);
        var first = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        await FillAsync();

        await store.Queue.SettleAsync(TestMail.Deferred(first, Time, TimeSpan.FromMilliseconds(100)), Cancellation).InTime();
        var second = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.Equal(1, second.Attempts);
        await store.Queue.SettleAsync(TestMail.Delivered(second, Time), Cancellation).InTime();

        Assert.Equal(0, (await store.Reader.MeasureAsync(Cancellation)).Units);
        await EmptyAsync();
        await Eventually.HoldsAsync(
            async () => (await store.Activity.FindAsync("acme", message.Id, Cancellation))!.Events.Select(e => e.Type)
                .SequenceEqual([MailEventType.Accepted, MailEventType.Deferred, MailEventType.Delivered]),
            Cancellation);
    }

    [Fact]
    public async Task What_was_drained_is_told_by_the_next_process()
    {
        List<Message> messages;
        await using (var store = await OpenAsync())
        {
            messages = await AcceptAsync(store);
            var leases = await LeaseAsync(store, messages.Sum(m => Unit.Of(m).Count));
            await FillAsync();
            await Task.WhenAll(leases.Select(lease => store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime()));
        }

        await EmptyAsync();
        await using var again = await OpenAsync();

        await ToldOnceAsync(again, messages);
    }

    [Fact]
    public async Task A_connection_lost_while_it_is_taken_out_has_nothing_told_twice()
    {
        var message = TestMail.To(Time, "a@x.test");
        await using (var proxy = new RedisProxy(_redis.Port))
        await using (var store = await OpenAsync(redis: proxy.ConnectionString))
        {
            await store.Queue.EnqueueAsync(message, null, Cancellation);
            var lease = Assert.Single(await LeaseAsync(store, 1));
            await FillAsync();

            // Behind the lane's entry its state goes, which it has none of: no step of the settler names that.
            proxy.LoseAnswerTo(store.Store.PartitionOf(message.Id).Keys.Unit(lease.Id).ToString());
            await store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();
            await proxy.Lost.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        }

        // Killed before it was told.
        await EmptyAsync();
        await using var again = await OpenAsync();

        await ToldOnceAsync(again, [message]);
    }

    [Fact]
    public async Task A_process_killed_between_the_file_and_the_store_is_gone_on_from()
    {
        List<Message> messages;
        await using (var store = await OpenAsync())
        {
            messages = await AcceptAsync(store);
            var leases = await LeaseAsync(store, messages.Sum(m => Unit.Of(m).Count));
            await store.DisposeAsync();

            // The file is as the killed process left it: written, but cut off in its last line.
            using var file = DrainFile.Open(_folder, out _);
            file.Append([.. leases.Select((lease, i) => Drained(i + 1, lease, ends: IsLast(lease, leases)))]);
            await File.AppendAllTextAsync(Path.Combine(_folder, "drained.jsonl"), "{\"sequence\":", Cancellation);
        }

        await using var again = await OpenAsync();

        await ToldOnceAsync(again, messages);
        Assert.Equal(0, (await again.Reader.MeasureAsync(Cancellation)).Units);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_taken_out_in_part_when_the_store_went_away_is_told_once(bool hasRoomAgain)
    {
        List<Message> messages;
        await using (var proxy = new RedisProxy(_redis.Port) { CutWithAnswer = true })
        await using (var store = await OpenAsync(redis: proxy.ConnectionString))
        {
            messages = await AcceptAsync(store);
            var leases = await LeaseAsync(store, messages.Sum(m => Unit.Of(m).Count));
            await FillAsync();

            // Which no step asks.
            proxy.LoseAnswerTo("SCARD");
            var settling = leases.Select(lease => store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime()).ToList();
            await proxy.Lost.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
            if (hasRoomAgain)
            {
                await EmptyAsync();
            }

            var noted = DrainedLines();
            proxy.Mend();
            await Task.WhenAll(settling);
            if (!hasRoomAgain)
            {
                Assert.Equal(leases.Select(lease => lease.Id.ToString()).Order(), DrainedLines().Order());
            }

            Assert.NotEmpty(noted);
        }

        await EmptyAsync();
        await using var again = await OpenAsync();
        await ToldOnceAsync(again, messages);
        Assert.Equal(0, (await again.Reader.MeasureAsync(Cancellation)).Units);
    }

    [Fact]
    public async Task A_relay_that_starts_on_a_full_store_takes_its_partitions_and_empties_it()
    {
        List<Message> messages;
        await using (var store = await OpenAsync())
        {
            messages = await AcceptAsync(store);
            await store.StopAsync();
        }

        await FillAsync();
        await using var again = await OpenAsync();
        Assert.All(again.Store.Partitions, partition => Assert.True(partition.IsServed));
        Assert.True(again.Get<IStoreHealth>().IsReady);
        var leases = await LeaseAsync(again, messages.Sum(m => Unit.Of(m).Count));
        await Task.WhenAll(leases.Select(lease => again.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime()));
        Assert.Equal(0, (await again.Reader.MeasureAsync(Cancellation)).Units);

        await EmptyAsync();
        await ToldOnceAsync(again, messages);
    }

    [Fact]
    public async Task What_a_killed_relay_put_off_into_a_full_store_keeps_neither_leases_nor_other_outcomes_waiting()
    {
        var (putOff, delivered) = (TestMail.To(Time, "a@x.test"), TestMail.To(Time, "b@y.test"));
        await using (var proxy = new RedisProxy(_redis.Port))
        await using (var store = await OpenAsync(redis: proxy.ConnectionString))
        {
            await store.Queue.EnqueueAsync(putOff, null, Cancellation);
            await store.Queue.EnqueueAsync(delivered, null, Cancellation);
            var leases = await LeaseAsync(store, 2);
            proxy.Cut();
            foreach (var lease in leases)
            {
                var outcome = lease.Message.Id == putOff.Id ? TestMail.Deferred(lease, Time, TimeSpan.FromHours(1)) : TestMail.Delivered(lease, Time);
                _ = store.Queue.SettleAsync(outcome, Cancellation).AsTask();
            }
        }

        await FillAsync();
        await using var again = await OpenAsync(lease: "00:00:02");
        await Eventually.HoldsAsync(async () => (await again.Reader.MeasureAsync(Cancellation)).Units == 1, Cancellation);
        Assert.NotEmpty(await again.Reader.FindUnitsAsync(putOff.Id, Cancellation));

        // Renewed for longer than a lease lives.
        var until = Time.GetTimestamp() + (3 * Time.TimestampFrequency);
        await Eventually.HoldsAsync(() => again.Store.Partitions.All(partition => partition.IsServed && partition.LiveUntil > until), Cancellation);

        await EmptyAsync();
        await Eventually.HoldsAsync(
            async () => (await again.Activity.FindAsync("acme", putOff.Id, Cancellation))!.Events.Any(e => e.Type == MailEventType.Deferred), Cancellation);
        await ToldOnceAsync(again, [delivered]);
    }

    [Fact]
    public async Task Relays_that_share_a_full_store_take_over_from_each_other_and_note_what_leaves()
    {
        await using var one = await OpenAsync(lease: "00:00:02");
        var messages = await AcceptAsync(one);
        await using var other = await OpenAsync(StoreUnderTest.NewFolder(), lease: "00:00:02");
        await Eventually.HoldsAsync(() => other.Store.Partitions.Count(p => p.IsServed) == 2 && one.Store.Partitions.Count(p => p.IsServed) == 2, Cancellation);
        await FillAsync();

        var noted = (await other.Queue.LeaseDueAsync(TestMail.Everything with { MaxUnits = 1 }, Cancellation).InTime())[0];
        await other.BeginDotAsync(noted, "mx.x.test", Cancellation);
        var dots = other.Store.PartitionOf(noted.Message.Id).Keys.Dots;
        Assert.Equal(1, await other.Connections.Reading.HashLengthAsync(dots));
        await other.Queue.SettleAsync(TestMail.Delivered(noted, Time), Cancellation).InTime();
        Assert.Equal(0, await other.Connections.Reading.HashLengthAsync(dots));

        await one.DisposeAsync();
        await Eventually.HoldsAsync(() => other.Store.Partitions.All(p => p.IsServed), Cancellation);
        var leases = await LeaseAsync(other, messages.Sum(m => Unit.Of(m).Count) - 1);
        await Task.WhenAll(leases.Select(lease => other.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime()));
        Assert.Equal(0, (await other.Reader.MeasureAsync(Cancellation)).Units);
    }

    [Fact]
    public async Task What_a_full_store_gives_back_when_it_loses_its_last_moment_keeps_no_partition_waiting()
    {
        await using var store = await OpenAsync(lease: "00:00:02");
        var message = TestMail.To(Time, "a@x.test");
        await store.Queue.EnqueueAsync(message, null, Cancellation);
        var lease = Assert.Single(await LeaseAsync(store, 1));
        var keys = store.Store.PartitionOf(message.Id).Keys;
        var before = await _redis.AskAsync(Cancellation, "GET", keys.Settled.ToString());
        await _redis.AskAsync(Cancellation, "COPY", keys.Message(message.Id).ToString(), "kept");
        await store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).InTime();

        // A replica that had not heard of it, and has less memory, takes over.
        using (var server = await RespClient.ConnectAsync(_redis.Port, Cancellation))
        {
            await server.AskAsync(Cancellation, "MULTI");
            await server.AskAsync(Cancellation, "RENAME", "kept", keys.Message(message.Id).ToString());
            await server.AskAsync(Cancellation, "ZADD", keys.Lane(lease.Unit.Lane).ToString(), "1", lease.Id.ToString());
            await server.AskAsync(Cancellation, "ZADD", keys.Lanes.ToString(), "1", lease.Unit.Lane.ToString());
            await server.AskAsync(Cancellation, "SET", keys.Settled.ToString(), before);
            await server.AskAsync(Cancellation, "CONFIG", "SET", "maxmemory", "1");
            await server.AskAsync(Cancellation, "CLIENT", "KILL", "TYPE", "normal");
            await server.AskAsync(Cancellation, "EXEC");
        }

        await Eventually.HoldsAsync(async () => (await store.Reader.MeasureAsync(Cancellation)).Units == 0, Cancellation);
        var now = Time.GetTimestamp();
        await Eventually.HoldsAsync(() => store.Store.Partitions.All(partition => partition.IsServed && partition.LiveUntil > now), Cancellation);
    }

    // The units that stand in the file, each as often as it does.
    private List<string> DrainedLines()
    {
        using var file = new StreamReader(new FileStream(Path.Combine(_folder, "drained.jsonl"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return [.. file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line).GetProperty("unit").GetString()!)];
    }

    private static bool IsLast(Lease lease, List<Lease> leases) => leases.FindLast(l => l.Message.Id == lease.Message.Id) == lease;

    internal static DrainedUnit Drained(long sequence, Lease lease, bool ends)
    {
        var events = TestMail.Delivered(lease, Time).Events;
        return new DrainedUnit(
            sequence, lease.Id.ToString(), lease.Unit.Lane.ToString(), 0, lease.HasSiblings(),
            [.. events.Select((e, i) => EventRecord.Write(e, 1, ends && i == events.Count - 1))]);
    }

    private static async Task<List<Message>> AcceptAsync(StoreUnderTest store)
    {
        var messages = new List<Message>();
        for (var i = 0; i < 24; i++)
        {
            var message = TestMail.To(Time, i % 4 == 0 ? ["a@x.test", "b@y.test"] : ["a@x.test"]);
            Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(message, null, Cancellation).InTime());
            messages.Add(message);
        }

        return messages;
    }

    private static async Task<List<Lease>> LeaseAsync(StoreUnderTest store, int count)
    {
        var leases = new List<Lease>();
        while (leases.Count < count)
        {
            leases.AddRange(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        }

        return leases;
    }

    private static async Task ToldOnceAsync(StoreUnderTest store, IEnumerable<Message> messages)
    {
        foreach (var message in messages)
        {
            await Eventually.HoldsAsync(
                async () => (await store.Activity.FindAsync("acme", message.Id, Cancellation))?.Events.Count(e => e.Type == MailEventType.Delivered) >= message.Envelope.Recipients.Count,
                Cancellation);
            var activity = await store.Activity.FindAsync("acme", message.Id, Cancellation);
            Assert.Equal(message.Envelope.Recipients.Count, activity!.Events.Count(e => e.Type == MailEventType.Delivered));
            Assert.Equal(MailEventType.Accepted, activity.Events[0].Type);
        }
    }

    // Over it by far, whatever is removed.
    private Task FillAsync() => _redis.AskAsync(Cancellation, "CONFIG", "SET", "maxmemory", "1");

    private Task EmptyAsync() => _redis.AskAsync(Cancellation, "CONFIG", "SET", "maxmemory", "0");

    private Task<StoreUnderTest> OpenAsync(string? folder = null, string lease = "00:00:15", string? redis = null) =>
        StoreUnderTest.StartAsync(redis ?? _redis.ConnectionString, folder ?? _folder, Time, Cancellation, ("Queue:Partitions", "4"), ("Queue:Lease", lease));
}
