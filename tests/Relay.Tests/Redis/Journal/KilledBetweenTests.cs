using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Journal;

/// <summary>A process that is killed around a final dot: its next run knows what it did.</summary>
public sealed class KilledBetweenTests
{
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_outcome_that_was_not_settled_is_settled_at_the_next_start_and_the_unit_never_leased_again()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        var folder = StoreUnderTest.NewFolder();
        var message = TestMail.To(Time, "a@x.test");
        await using (var proxy = new RedisProxy(redis.Port))
        await using (var store = await StoreUnderTest.StartAsync(proxy.ConnectionString, folder, Time, Cancellation))
        {
            var lease = await PastDotAsync(store, message);
            proxy.Cut();
            var settling = store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation);
            Assert.False(settling.IsCompleted);
        }

        await using var again = await StoreUnderTest.StartAsync(redis.ConnectionString, folder, Time, Cancellation);

        await Eventually.HoldsAsync(async () => (await again.Reader.MeasureAsync(Cancellation)).Units == 0, Cancellation);
        Assert.Equal([MailEventType.Accepted, MailEventType.Delivered], await EventsAsync(again, message));
        await NothingToLeaseAsync(again);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_attempt_past_its_dot_without_an_outcome_is_uncertain_at_the_next_start(bool embedded)
    {
        await using var redis = embedded ? null : await RedisServer.StartAsync(Cancellation);
        var folder = StoreUnderTest.NewFolder();
        var message = TestMail.To(Time, "a@x.test");
        await using (var store = await StoreUnderTest.StartAsync(redis?.ConnectionString, folder, Time, Cancellation))
        {
            await PastDotAsync(store, message);
        }

        // Started and killed again before anything came of it.
        await using (await StoreUnderTest.StartAsync(redis?.ConnectionString, folder, Time, Cancellation))
        {
        }

        await using var again = await StoreUnderTest.StartAsync(redis?.ConnectionString, folder, Time, Cancellation);
        var lease = Assert.Single(await again.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.Equal((message.Id, "mx.x.test"), (lease.Message.Id, lease.Unheard?.Host));

        await again.Queue.SettleAsync(TestMail.Deferred(lease, Time, TimeSpan.Zero), Cancellation).InTime();
        var next = Assert.Single(await again.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        Assert.Null(next.Unheard);
    }

    [Fact]
    public async Task What_another_node_settled_since_is_left_alone()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        var folder = StoreUnderTest.NewFolder();
        var dotted = TestMail.To(Time, "a@x.test");
        var done = TestMail.To(Time, "a@y.test");
        await using (var proxy = new RedisProxy(redis.Port))
        await using (var store = await StoreUnderTest.StartAsync(proxy.ConnectionString, folder, Time, Cancellation, Quick))
        {
            await PastDotAsync(store, dotted);
            var lease = await PastDotAsync(store, done);
            proxy.Cut();
            _ = store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).AsTask();
        }

        await using (var other = await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, Quick))
        {
            // It was alone, so nobody else knew of the dots.
            for (var units = 0; units < 2;)
            {
                foreach (var lease in await other.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime())
                {
                    await other.Queue.SettleAsync(TestMail.Deferred(lease, Time, TimeSpan.FromHours(1)), Cancellation).InTime();
                    units++;
                }
            }

            await other.StopAsync();
        }

        await using var again = await StoreUnderTest.StartAsync(redis.ConnectionString, folder, Time, Cancellation, Quick);

        // The one that is known to be delivered needs no third attempt; the other waits as its last attempt left it.
        await Eventually.HoldsAsync(async () => (await again.Reader.MeasureAsync(Cancellation)).Units == 1, Cancellation);
        Assert.Equal([MailEventType.Accepted, MailEventType.Deferred, MailEventType.Delivered], await EventsAsync(again, done));
        Assert.Equal([MailEventType.Accepted, MailEventType.Deferred], await EventsAsync(again, dotted));
    }

    [Fact]
    public async Task What_was_settled_but_for_the_answer_is_told_once()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        var folder = StoreUnderTest.NewFolder();
        var message = TestMail.To(Time, "a@x.test");
        await using (var proxy = new RedisProxy(redis.Port))
        await using (var store = await StoreUnderTest.StartAsync(proxy.ConnectionString, folder, Time, Cancellation))
        {
            var lease = await PastDotAsync(store, message);
            proxy.CutWithAnswer = true;
            proxy.LoseAnswerTo("EXEC", ":settled");
            _ = store.Queue.SettleAsync(TestMail.Delivered(lease, Time), Cancellation).AsTask();
            await proxy.Lost.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        }

        await using var again = await StoreUnderTest.StartAsync(redis.ConnectionString, folder, Time, Cancellation);

        Assert.Equal([MailEventType.Accepted, MailEventType.Delivered], await EventsAsync(again, message));
        await NothingToLeaseAsync(again);
    }

    private static (string, string) Quick => ("Queue:Lease", "00:00:02");

    private static async Task<Lease> PastDotAsync(StoreUnderTest store, Message message)
    {
        Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(message, null, Cancellation).InTime());
        var lease = Assert.Single(await store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
        await store.BeginDotAsync(lease, "mx.x.test", Cancellation);
        return lease;
    }

    private static async Task<IReadOnlyList<MailEventType>> EventsAsync(StoreUnderTest store, Message message) =>
        [.. (await store.Activity.FindAsync("acme", message.Id, Cancellation))!.Events.Select(e => e.Type)];

    private static async Task NothingToLeaseAsync(StoreUnderTest store)
    {
        using var moment = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        moment.CancelAfter(TimeSpan.FromMilliseconds(300));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => Assert.Empty(await store.Queue.LeaseDueAsync(TestMail.Everything, moment.Token)));
    }
}
