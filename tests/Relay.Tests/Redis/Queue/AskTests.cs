using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Keys;
using Relay.Redis.Steps;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Queue;

/// <summary>What is asked of a partition's owner on Redis: large, small, and through every accident.</summary>
public sealed class AskTests : IAsyncLifetime
{
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(60);

    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    // The same node over restarts, so that nobody waits for the end of its leases.
    private readonly string _folder = StoreUnderTest.NewFolder();
    private RedisServer _redis = null!;
    private StoreUnderTest _store = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisServer.StartAsync(Cancellation);
        _store = await OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await _redis.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_lane_longer_than_a_piece_is_bounced_to_its_end()
    {
        await AcceptAsync(1_500, _ => "a@x.test", partition: 0);
        await AcceptAsync(3, _ => "a@y.test", partition: 0);

        var answer = await AskAsync(AskKind.Bounce, new QueueSelector { Domain = "x.test" });

        Assert.Equal((true, 1_500L), (answer.IsDone, answer.Units));
        Assert.Equal(3, (await _store.Reader.MeasureAsync(Cancellation)).Units);
        await NothingIsLeftOfAsync("x.test");
    }

    [Fact]
    public async Task Thousands_of_lanes_are_bounced_at_once()
    {
        await AcceptAsync(2_000, i => $"a@d{i}.test");
        await AcceptAsync(1, _ => "a@other.test", "other");

        var preview = await _store.Get<IQueueAdministration>().PreviewAsync(new QueueSelector { Account = "acme" }, AskKind.Bounce, 3, Cancellation);
        var answer = await AskAsync(AskKind.Bounce, new QueueSelector { Account = "acme" });

        Assert.Equal((2_000L, 2_000, 3), (preview.Units, preview.Lanes.Count, preview.First.Count));
        Assert.Equal(2_000, answer.Units);
        Assert.Equal(1, (await _store.Reader.MeasureAsync(Cancellation)).Units);
    }

    /// <summary>It came to its time while the cancel was on its way, and the same mail has come again.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_key_of_a_cancelled_mail_that_is_another_mails_by_now_is_left_to_that(bool inTheVeryMoment)
    {
        await using var shim = new RedisShim(_redis);
        await _store.StopAsync();
        await _store.DisposeAsync();
        _store = await StoreUnderTest.StartAsync(shim.ConnectionString, _folder, _time, Cancellation);
        var key = new IdempotencyKey($"mail 1{IdempotencyKey.Besides}body 1", "");
        var message = TestMail.To(_time, "a@x.test") with { Id = MessageId.Create(_time, key.SlotFor("acme")) };
        Assert.IsType<EnqueueResult.Accepted>(await _store.Queue.EnqueueAsync(message, key, Cancellation));
        var stands = _store.Store.PartitionOf(message.Id).Keys.Idempotency("acme", key.Key).ToString();
        var other = $"{MessageId.Create(_time, key.SlotFor("acme"))} ";
        if (inTheVeryMoment)
        {
            // Behind the first look at it.
            shim.Instead = command =>
            {
                if (command.Contains("WATCH") && command.Contains(stands))
                {
                    _redis.AskAsync(Cancellation, "SET", stands, other).GetAwaiter().GetResult();
                }

                return null;
            };
        }
        else
        {
            await _redis.AskAsync(Cancellation, "SET", stands, other);
        }

        var answer = await AskAsync(AskKind.Cancel, new QueueSelector { Message = message.Id });

        Assert.Equal((true, 1L), (answer.IsDone, answer.Units));
        Assert.Equal(other, await _redis.AskAsync(Cancellation, "GET", stands));
    }

    [Fact]
    public async Task A_message_to_many_domains_is_cancelled_whole_with_its_record()
    {
        var message = TestMail.To(_time, [.. Enumerable.Range(0, 700).Select(i => $"a@d{i}.test")]);
        Assert.IsType<EnqueueResult.Accepted>(await _store.Queue.EnqueueAsync(message, null, Cancellation));

        var answer = await AskAsync(AskKind.Cancel, new QueueSelector { Message = message.Id });

        Assert.Equal(700, answer.Units);
        var keys = _store.Store.PartitionOf(message.Id).Keys;
        Assert.False(await _store.Connections.Reading.KeyExistsAsync(keys.Message(message.Id)));
        Assert.False(await _store.Connections.Reading.KeyExistsAsync(keys.Open(message.Id)));
        var activity = (await _store.Activity.FindAsync("acme", message.Id, Cancellation))!;
        Assert.Equal(700, activity.Events.Count(e => e.Type == MailEventType.Cancelled));
    }

    [Fact]
    public async Task A_retry_of_a_long_lane_makes_each_unit_due_once()
    {
        await AcceptAsync(1_200, _ => "a@x.test", partition: 3);
        await DeferAllAsync(1_200, TimeSpan.FromHours(1));

        var preview = await _store.Get<IQueueAdministration>().PreviewAsync(new QueueSelector { Domain = "x.test" }, AskKind.Retry, 1, Cancellation);
        var answer = await AskAsync(AskKind.Retry, new QueueSelector { Domain = "x.test" });

        Assert.Equal((1_200L, true), (preview.Units, preview.IsExact));
        Assert.Equal(1_200, answer.Units);
        Assert.Equal(_time.GetUtcNow().ToUnixTimeMilliseconds(), (await _store.Reader.MeasureAsync(Cancellation)).EarliestDue!.Value.ToUnixTimeMilliseconds());
        await DeferAllAsync(1_200, TimeSpan.FromHours(1));
    }

    [Fact]
    public async Task What_was_asked_while_nobody_owned_the_mail_is_done_by_the_next_owner()
    {
        await AcceptAsync(20, i => $"a@d{i}.test");
        foreach (var partition in _store.Store.Partitions)
        {
            partition.Lose();
        }

        // An hour is far from over for a clock that stands still.
        var impatient = await _store.Get<IQueueAdministration>()
            .AskAsync(Ask(AskKind.Bounce, new QueueSelector { Account = "acme" }), TimeSpan.Zero, Cancellation);
        Assert.Equal((false, 0L), (impatient.IsDone, impatient.Units));

        await _store.StopAsync();
        await _store.DisposeAsync();
        _store = await OpenAsync();

        await Eventually.HoldsAsync(async () => (await _store.Reader.MeasureAsync(Cancellation)).Units == 0, Cancellation);
        await NoAskIsLeftAsync();
    }

    [Fact]
    public async Task An_owner_that_was_replaced_ends_nothing()
    {
        var message = TestMail.To(_time, "a@x.test");
        Assert.IsType<EnqueueResult.Accepted>(await _store.Queue.EnqueueAsync(message, null, Cancellation));
        var partition = _store.Store.PartitionOf(message.Id);
        var newer = new Fence(partition.Settled.Epoch + 1, 0);
        await _store.Connections.Reading.StringSetAsync(partition.Keys.Settled, newer.ToString());

        var asked = _store.Get<IQueueAdministration>().AskAsync(Ask(AskKind.Bounce, new QueueSelector { Message = message.Id }), TimeSpan.Zero, Cancellation);
        await Eventually.HoldsAsync(() => !partition.IsOwned, Cancellation);

        Assert.False((await asked).IsDone);
        Assert.Equal(1, (await _store.Reader.MeasureAsync(Cancellation)).Units);
        Assert.Equal(1, await _store.Connections.Reading.ListLengthAsync(partition.Keys.Asks));
        Assert.DoesNotContain((await _store.Activity.FindAsync("acme", message.Id, Cancellation))!.Events, e => e.Type == MailEventType.Bounced);
    }

    [Fact]
    public async Task An_ask_that_cannot_be_read_keeps_no_other_waiting()
    {
        foreach (var partition in _store.Store.Partitions)
        {
            await _store.Connections.Reading.ListRightPushAsync(partition.Keys.Asks, "nonsense");
        }

        await AcceptAsync(5, i => $"a@d{i}.test");

        Assert.Equal(5, (await AskAsync(AskKind.Bounce, new QueueSelector { Account = "acme" })).Units);
    }

    [Fact]
    public async Task A_suspension_is_in_force_from_the_first_moment_of_the_next_start()
    {
        await AcceptAsync(5, _ => "a@x.test");
        await _store.Get<ISuspensions>().TryAddAsync(
            new Suspension { Id = "sus_1", Selector = new QueueSelector { Domain = "x.test" }, Reason = "maintenance", By = "admin", CreatedAt = _time.GetUtcNow() },
            Cancellation);

        await _store.StopAsync();
        await _store.DisposeAsync();
        _store = await OpenAsync();

        Assert.Equal("maintenance", Assert.Single(_store.Get<ISuspensions>().Current.Items).Reason);
        Assert.Equal(0, _store.Window.Size.Held);
    }

    [Fact]
    public async Task A_suspension_made_on_another_node_is_known_here_soon()
    {
        await _store.Connections.Reading.HashSetAsync(
            StoreKeys.Suspensions,
            [
                new("sus_1", """{"id":"sus_1","selector":{"domain":"x.test"},"reason":"made elsewhere","by":"admin","createdAt":"2026-01-01T00:00:00Z"}"""),
                new("sus_2", "cannot be read"),
                new("version", 1),
            ]);

        await Eventually.HoldsAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromMilliseconds(100));
                return _store.Get<ISuspensions>().Current.Items.Count == 1;
            },
            Cancellation);
        await AcceptAsync(1, _ => "a@x.test");
        Assert.Equal(0, _store.Window.Size.Held);
    }

    // Both clocks stand still, so that nobody looks by themselves.
    [Fact]
    public async Task A_node_that_owns_nothing_is_heard_and_answered_at_once()
    {
        var folder = StoreUnderTest.NewFolder();
        await using (var other = await StoreUnderTest.StartAsync(_redis.ConnectionString, folder, _time, Cancellation, ("Roles:0", "intake")))
        {
            await AcceptAsync(10, i => $"a@d{i}.test");
            await Eventually.HoldsAsync(async () => (await NumberOfListenersAsync()) == 2, Cancellation);

            var answer = await other.Get<IQueueAdministration>()
                .AskAsync(Ask(AskKind.Bounce, new QueueSelector { Account = "acme" }), TimeSpan.FromHours(1), Cancellation).AsTask().WaitAsync(Hang, Cancellation);
            await other.Get<ISuspensions>().TryAddAsync(
                new Suspension { Id = "sus_1", Selector = new QueueSelector { Domain = "x.test" }, Reason = "maintenance", By = "admin", CreatedAt = _time.GetUtcNow() },
                Cancellation);

            Assert.Equal(10, answer.Units);
            await Eventually.HoldsAsync(() => _store.Get<ISuspensions>().Current.Items.Count == 1, Cancellation);
        }

        Directory.Delete(folder, recursive: true);
    }

    private async Task<long> NumberOfListenersAsync() =>
        await _store.Connections.Primaries().Single().SubscriptionSubscriberCountAsync(StoreKeys.Rings);

    private Task<StoreUnderTest> OpenAsync() => StoreUnderTest.StartAsync(
        _redis.ConnectionString, _folder, _time, Cancellation, ("Queue:WindowUnits", "2048"), ("Queue:AccountShare", "1"));

    private async Task AcceptAsync(int count, Func<int, string> recipient, string account = "acme", int? partition = null)
    {
        for (var i = 0; i < count; i += 100)
        {
            var accepts = Enumerable.Range(i, Math.Min(100, count - i)).Select(n =>
            {
                var message = TestMail.For(_time, account, recipient(n));
                return _store.Queue.EnqueueAsync(
                    partition is { } slot ? message with { Id = MessageId.Create(_time, slot) } : message, null, Cancellation).AsTask();
            });
            Assert.All(await Task.WhenAll(accepts), result => Assert.IsType<EnqueueResult.Accepted>(result));
        }
    }

    private async Task DeferAllAsync(int count, TimeSpan delay)
    {
        for (var done = 0; done < count;)
        {
            var leases = await _store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).AsTask().WaitAsync(Hang, Cancellation);
            done += leases.Count;
            await Task.WhenAll(leases.Select(lease => _store.Queue.SettleAsync(TestMail.Deferred(lease, _time, delay), Cancellation).AsTask()));
        }
    }

    private Task<AskAnswer> AskAsync(AskKind kind, QueueSelector selector) =>
        _store.Get<IQueueAdministration>().AskAsync(Ask(kind, selector), TimeSpan.FromHours(1), Cancellation).AsTask().WaitAsync(Hang, Cancellation);

    private QueueAsk Ask(AskKind kind, QueueSelector selector) =>
        new() { Id = Guid.NewGuid().ToString("n"), Kind = kind, Selector = selector, Reason = "gone", By = "admin", AskedAt = _time.GetUtcNow() };

    private async Task NothingIsLeftOfAsync(string domain)
    {
        foreach (var partition in _store.Store.Partitions)
        {
            Assert.False(await _store.Connections.Reading.KeyExistsAsync(partition.Keys.Lane(new Lane(domain, "acme", MessageClass.Transactional))));
        }

        await NoAskIsLeftAsync();
    }

    private async Task NoAskIsLeftAsync()
    {
        foreach (var partition in _store.Store.Partitions)
        {
            await Eventually.HoldsAsync(async () => await _store.Connections.Reading.ListLengthAsync(partition.Keys.Asks) == 0, Cancellation);
        }
    }
}
