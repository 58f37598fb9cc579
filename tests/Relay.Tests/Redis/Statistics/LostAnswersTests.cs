using System.Collections.Concurrent;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Statistics;

/// <summary>Answers of accepting, settling and projecting steps are lost at random: nothing is done twice, and the counts are what happened.</summary>
public sealed class LostAnswersTests
{
    private const int Lost = 12;
    private const int MostMessages = 4_000;
    private const int Clients = 8;
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(20260311)]
    [InlineData(0)]
    public async Task Counts_are_exact_and_nothing_is_settled_twice(int seed)
    {
        seed = seed == 0 ? Random.Shared.Next() : seed;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        await using var redis = await RedisServer.StartAsync(Cancellation, "everysec");
        await using var proxy = new RedisProxy(redis.Port);
        await using var store = await StoreUnderTest.StartAsync(
            proxy.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:AnswerTimeout", "00:00:02"));
        proxy.LoseAnswersAtRandom("EXEC", chance: 0.15, seed);

        var attempts = new ConcurrentDictionary<(UnitId Unit, int Attempt), MailEventType[]>();
        using var stop = new CancellationTokenSource();
        var delivering = DeliverAsync(store, attempts, stop.Token);
        var all = new ConcurrentBag<(Message Message, bool Accepted)>();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            while (proxy.LostCount < Lost && all.Count < MostMessages)
            {
                var message = TestMail.To(Time, "a@x.test", "b@y.test");
                var result = await store.Queue.EnqueueAsync(message, null, Cancellation).InTime();
                all.Add((message, result is EnqueueResult.Accepted));
                if (result is not EnqueueResult.Accepted)
                {
                    // While the connection is being made again every answer is no, at once.
                    await Task.Delay(20, Cancellation);
                }
            }
        }));
        Assert.InRange(proxy.LostCount, Lost, int.MaxValue);
        await Eventually.HoldsAsync(async () => await DepthAsync(store) == 0, Cancellation);
        proxy.LoseAnswersAtRandom("EXEC", chance: 0, seed);
        await Eventually.HoldsAsync(async () => await DepthAsync(store) == 0 && await OutboxAsync(redis, store) == 0, Cancellation);
        await stop.CancelAsync();
        await delivering;

        Assert.All(attempts, attempt => Assert.True(attempt.Value.Length == 1, $"{attempt.Key} was made {attempt.Value.Length} times"));
        Assert.Equal(3, attempts.Values.SelectMany(ends => ends).Distinct().Count());
        var happened = new Dictionary<MailEventType, long>();
        foreach (var (message, accepted) in all)
        {
            var events = (await store.Activity.FindAsync("acme", message.Id, Cancellation))?.Events.Select(e => e.Type).ToList() ?? [];
            if (accepted)
            {
                var ends = Unit.Of(message).SelectMany(unit => Enumerable.Range(0, 2).SelectMany(attempt => attempts.GetValueOrDefault((unit.Id, attempt), [])));
                Assert.Equal(MailEventType.Accepted, events[0]);
                Assert.Equal(ends.Order(), events.Skip(1).Order());
            }
            else
            {
                Assert.True(events is [] or [MailEventType.Accepted, MailEventType.Cancelled], string.Join(' ', events));
            }

            foreach (var type in events)
            {
                happened[type] = happened.GetValueOrDefault(type) + 1;
            }
        }

        var today = DateOnly.FromDateTime(Time.GetUtcNow().UtcDateTime);
        var counted = (await store.Get<IStatisticsReader>().ReadAsync("acme", today.AddDays(-1), today, Cancellation))
            .SelectMany(day => day.Events)
            .GroupBy(e => e.Key)
            .ToDictionary(e => e.Key, e => e.Sum(c => c.Value));
        Assert.Equal(happened.OrderBy(e => e.Key), counted.OrderBy(e => e.Key));
    }

    // Some are put off once, and some end as refused.
    private static Settlement EndOf(Lease lease) => ((lease.Message.Id.Slot + lease.Id.Number) % 8, lease.Attempts) switch
    {
        (0 or 1, 0) => TestMail.Deferred(lease, Time, TimeSpan.FromMilliseconds(300)),
        (1 or 2, _) => TestMail.Bounced(lease, Time),
        _ => TestMail.Delivered(lease, Time),
    };

    private static async Task DeliverAsync(StoreUnderTest store, ConcurrentDictionary<(UnitId, int), MailEventType[]> attempts, CancellationToken stop)
    {
        var settling = new List<Task>();
        try
        {
            while (true)
            {
                foreach (var lease in await store.Queue.LeaseDueAsync(TestMail.Everything, stop))
                {
                    var end = EndOf(lease);
                    attempts.AddOrUpdate((lease.Id, lease.Attempts), [end.Events[0].Type], (_, made) => [.. made, end.Events[0].Type]);
                    settling.Add(store.Queue.SettleAsync(end, Cancellation).InTime());
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await Task.WhenAll(settling);
        }
    }

    private static async Task<long> DepthAsync(StoreUnderTest store)
    {
        try
        {
            return (await store.Reader.MeasureAsync(Cancellation)).Units;
        }
        catch (StoreUnavailableException)
        {
            return -1;
        }
    }

    private static async Task<long> OutboxAsync(RedisServer redis, StoreUnderTest store)
    {
        var waiting = 0L;
        foreach (var partition in store.Store.Partitions)
        {
            waiting += long.Parse(await redis.AskAsync(Cancellation, "LLEN", partition.Keys.Outbox.ToString()), System.Globalization.CultureInfo.InvariantCulture);
        }

        return waiting;
    }
}
