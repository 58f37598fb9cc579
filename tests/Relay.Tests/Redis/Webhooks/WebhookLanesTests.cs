using Microsoft.Extensions.Options;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Webhooks;
using Relay.Redis;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using Relay.TestKit.Redis;
using Relay.Tests.Redis.Shapes;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Webhooks;

/// <summary>Events as they wait for webhooks, in every shape of the store.</summary>
public abstract class WebhookLanesContract : IAsyncLifetime
{
    private static readonly TimeProvider Time = TimeProvider.System;
    private StoreUnderTest _store = null!;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private IWebhookLanes Lanes => _store.Get<IWebhookLanes>();

    private IWebhookStore Webhooks => _store.Get<IWebhookStore>();

    private IWebhookTraffic Traffic => _store.Get<IWebhookTraffic>();

    public async ValueTask InitializeAsync() => _store = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    private protected abstract Task<StoreUnderTest> OpenAsync();

    protected virtual ValueTask CloseAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task What_happens_to_a_message_comes_in_order_each_once_and_named_by_where_it_stands()
    {
        var webhook = await AddAsync();
        var message = MessageId.Create(Time);
        await TellAsync(message, "acme", MailEventType.Accepted, MailEventType.Deferred);

        var (lane, turn) = await TakeAsync();
        Assert.Equal([MailEventType.Accepted, MailEventType.Deferred], turn.Events.Select(e => e.Happened!.Type));
        Assert.Equal((message, "Hello", 0L), (turn.Message, turn.Summary!.Subject, turn.From));
        await EndAsync(lane, turn);
        Assert.Equal(0, (await Traffic.StandingAsync(webhook, Cancellation)).Waiting);

        await TellAsync(message, "acme", MailEventType.Delivered);
        (lane, var later) = await TakeAsync();
        Assert.Equal(MailEventType.Delivered, Assert.Single(later.Events).Happened!.Type);
        Assert.Equal((turn.Length, "Hello"), (later.Events[0].Offset, later.Summary!.Subject));
        await EndAsync(lane, later);
        await NothingWaitsAsync(webhook);
        Assert.Equal(3, (await Traffic.StandingAsync(webhook, Cancellation)).Taken);
    }

    [Fact]
    public async Task Only_the_kinds_that_are_wanted_and_only_of_the_account()
    {
        var webhook = await AddAsync(events: [MailEventType.Bounced]);
        var (message, strangers) = (MessageId.Create(Time), MessageId.Create(Time));
        await TellAsync(strangers, "other", MailEventType.Accepted, MailEventType.Bounced);
        await HappensAsync(message, MailEventType.Accepted, MailEventType.Deferred);
        Assert.Equal(0, (await Traffic.StandingAsync(webhook, Cancellation)).Waiting);

        await HappensAsync(message, MailEventType.Bounced, MailEventType.Delivered);
        var (_, turn) = await TakeAsync();

        Assert.Equal(message, turn.Message);
        Assert.Equal(MailEventType.Bounced, turn.Events[0].Happened!.Type);
        Assert.Equal(1, (await Traffic.StandingAsync(webhook, Cancellation)).Waiting);
    }

    [Fact]
    public async Task What_is_put_off_waits_with_all_behind_it_and_keeps_no_other_message_waiting()
    {
        var webhook = await AddAsync();
        var (stuck, other) = (MessageId.Create(Time), MessageId.Create(Time));
        await TellAsync(stuck, "acme", MailEventType.Accepted);
        var (lane, turn) = await TakeAsync();
        await EndAsync(lane, turn, new WebhookTurnEnd(turn) { Next = 0, Due = Time.GetUtcNow() + TimeSpan.FromHours(1), Failures = 1, Error = "HTTP 500" });

        await TellAsync(stuck, "acme", MailEventType.Delivered);
        await HappensAsync(other, MailEventType.Accepted);
        (lane, turn) = await TakeAsync();
        Assert.Equal(other, turn.Message);
        await EndAsync(lane, turn);
        var standing = await Traffic.StandingAsync(webhook, Cancellation);
        Assert.Equal((1, 1, "HTTP 500"), (standing.Waiting, standing.Taken, standing.LastError));
        Assert.NotNull(standing.Oldest);
        Assert.NotNull(standing.LastFailed);

        await Lanes.HurryAsync(webhook, Cancellation);
        (_, turn) = await TakeAsync();
        Assert.Equal([MailEventType.Accepted, MailEventType.Delivered], turn.Events.Select(e => e.Happened!.Type));
        Assert.Equal((stuck, 1), (turn.Message, turn.Failures));
    }

    [Fact]
    public async Task What_happens_while_a_turn_is_posted_is_not_lost_with_it()
    {
        await AddAsync();
        var message = MessageId.Create(Time);
        await TellAsync(message, "acme", MailEventType.Accepted);
        var (lane, turn) = await TakeAsync();
        await HappensAsync(message, MailEventType.Delivered);
        await EndAsync(lane, turn);

        (lane, turn) = await TakeAsync();

        Assert.Equal(MailEventType.Delivered, Assert.Single(turn.Events).Happened!.Type);
    }

    [Fact]
    public async Task What_is_forgotten_before_it_was_posted_waits_no_longer()
    {
        var webhook = await AddAsync();
        var message = MessageId.Create(Time);
        await TellAsync(message, "acme", MailEventType.Accepted);
        var (lane, turn) = await TakeAsync();
        await Lanes.GiveBackAsync(lane, null, Cancellation);
        await ForgetAsync(message);

        (lane, turn) = await TakeAsync();
        Assert.Empty(turn.Events);
        await EndAsync(lane, turn, new WebhookTurnEnd(turn) { Next = turn.From });

        await NothingWaitsAsync(webhook);
    }

    [Fact]
    public async Task What_happens_to_a_message_whose_past_is_forgotten_is_posted_though_more_had_happened_before()
    {
        var webhook = await AddAsync();
        var message = MessageId.Create(Time);
        await TellAsync(message, "acme", MailEventType.Accepted, MailEventType.Deferred, MailEventType.Deferred);
        var (lane, turn) = await TakeAsync();
        await EndAsync(lane, turn, new WebhookTurnEnd(turn) { Next = turn.Events[^1].Offset, Due = Time.GetUtcNow(), Taken = 2 });
        await ForgetAsync(message);
        await HappensAsync(message, MailEventType.Complained);

        (lane, turn) = await TakeAsync();
        Assert.Equal(MailEventType.Complained, Assert.Single(turn.Events).Happened!.Type);
        await EndAsync(lane, turn);

        await NothingWaitsAsync(webhook);
    }

    [Fact]
    public async Task What_stands_where_another_event_stood_bears_an_id_of_its_own()
    {
        var webhook = await AddAsync();
        var message = MessageId.Create(Time);
        await TellAsync(message, "acme", MailEventType.Accepted);
        var (lane, first) = await TakeAsync();
        await EndAsync(lane, first);
        await Traffic.ReplayAsync(webhook, message, Cancellation);
        (lane, var again) = await TakeAsync();
        await EndAsync(lane, again);
        await ForgetAsync(message);
        await TellAsync(message, "acme", MailEventType.Unsubscribed);
        (_, var later) = await TakeAsync();

        string[] ids = [.. new[] { first, again, later }.Select(turn => Assert.Single(turn.Events).IdOf(message, webhook))];
        Assert.Equal((0, MailEventType.Unsubscribed), (later.Events[0].Offset, later.Events[0].Happened!.Type));
        Assert.Equal(ids[0], ids[1]);
        Assert.NotEqual(ids[0], ids[2]);
    }

    [Fact]
    public async Task No_more_is_read_at_once_than_was_asked_for_and_always_something()
    {
        await AddAsync();
        var messages = Enumerable.Range(0, 3).Select(_ => MessageId.Create(Time, 0)).Order().ToList();
        foreach (var message in messages)
        {
            await TellAsync(message, "acme", [Large(message), EventOf(message, "acme", MailEventType.Delivered)]);
            await Eventually.HoldsAsync(async () => await _store.Connections.Background.ListLengthAsync(_store.Store.PartitionOf(message).Keys.Outbox) == 0, Cancellation);
        }

        var (lane, first) = await TakeAsync();
        Assert.Equal(3, (await ReadAsync(400_000)).Count);
        Assert.Equal(2, (await ReadAsync(250_000)).Count);
        Assert.Equal([messages[0]], (await ReadAsync(1)).Select(turn => turn.Message));
        Assert.All(await ReadAsync(400_000), turn => Assert.Equal(100_000, Assert.Single(turn.Events).Happened!.Summary!.Metadata!["a"].Length));

        // What is read of a first event for what it says of its message counts as well.
        await Lanes.SettleAsync(lane, [new WebhookTurnEnd(first) { Next = first.Events[0].Next, Due = DateTimeOffset.UnixEpoch, Taken = 1 }], Cancellation);
        var small = Assert.Single(await ReadAsync(150_000));
        Assert.Equal((first.Message, MailEventType.Delivered, "Hello"), (small.Message, Assert.Single(small.Events).Happened!.Type, small.Summary!.Subject));
        Assert.Equal(2, (await ReadAsync(250_000)).Count);

        ValueTask<IReadOnlyList<WebhookTurn>> ReadAsync(long octets) => Lanes.ReadAsync(lane, 64, octets, null, Cancellation);

        static MailEvent Large(MessageId message) => EventOf(message, "acme", MailEventType.Accepted) is var accepted
            ? accepted with { Summary = accepted.Summary! with { Metadata = new Dictionary<string, string> { ["a"] = new('x', 100_000) } } }
            : null!;
    }

    [Fact]
    public async Task A_turn_that_was_read_before_a_replay_ends_nothing_of_it()
    {
        var webhook = await AddAsync();
        var message = MessageId.Create(Time);
        await TellAsync(message, "acme", MailEventType.Accepted, MailEventType.Delivered);
        var (lane, turn) = await TakeAsync();
        await EndAsync(lane, turn);
        Assert.Equal(new WebhookReplay(1, null), await Traffic.ReplayAsync(webhook, message, Cancellation));
        (lane, var again) = await TakeAsync();
        Assert.Equal(turn.Events.Select(e => e.Offset), again.Events.Select(e => e.Offset));

        await Task.Delay(2, Cancellation);
        await Traffic.ReplayAsync(webhook, message, Cancellation);
        await EndAsync(lane, again);

        Assert.Equal(2, (await TakeAsync()).Turn.Events.Count);
    }

    [Fact]
    public async Task Messages_of_a_time_are_sent_again_the_oldest_first()
    {
        var webhook = await AddAsync();
        var before = MessageId.Create(Time);
        await TellAsync(before, "acme", MailEventType.Accepted);
        await TakeAllAsync(1);
        await Task.Delay(5, Cancellation);
        var since = Time.GetUtcNow();
        List<MessageId> messages = [];
        for (var n = 0; n < 5; n++)
        {
            messages.Add(MessageId.Create(Time));
            await TellAsync(messages[n], "acme", MailEventType.Accepted);
            await Task.Delay(2, Cancellation);
        }

        await TellAsync(MessageId.Create(Time), "other", MailEventType.Accepted);
        await TakeAllAsync(5);

        var replay = await Traffic.ReplayAsync(webhook, since, Time.GetUtcNow(), 3, Cancellation);
        var first = await TakeAllAsync(3);
        var rest = await Traffic.ReplayAsync(webhook, replay.Next!.Value, Time.GetUtcNow(), 3, Cancellation);

        Assert.Equal(3, replay.Messages);
        Assert.Equal(messages[..3].Order(), first.Order());
        Assert.Equal((2, null), (rest.Messages, rest.Next));
        Assert.Equal(messages[3..].Order(), (await TakeAllAsync(2)).Order());
    }

    [Fact]
    public async Task What_waits_gives_way_to_no_replay()
    {
        const int MostOfLane = 6;
        _store.Get<IOptions<StoreOptions>>().Value.Queue.WebhookMessages = MostOfLane * _store.Store.Partitions.Count;
        var webhook = await AddAsync();
        var since = Time.GetUtcNow();
        var lane = _store.Store.PartitionOf(MessageId.Create(Time));
        List<MessageId> messages = [];
        while (messages.Count < 5)
        {
            var message = MessageId.Create(Time);
            if (_store.Store.PartitionOf(message) == lane && message.CreatedAt != messages.LastOrDefault().CreatedAt)
            {
                messages.Add(message);
                await TellAsync(message, "acme", MailEventType.Accepted);
            }
        }

        // All that waits is theirs: half of the lane is for what happens meanwhile.
        await Eventually.HoldsAsync(async () => (await Traffic.StandingAsync(webhook, Cancellation)).Waiting == 5, Cancellation);
        var crowd = new WebhookCrowd(5, MostOfLane * _store.Store.Partitions.Count);
        Assert.Equal(new WebhookReplay(0, messages[0].CreatedAt) { Crowd = crowd }, await Traffic.ReplayAsync(webhook, since, Time.GetUtcNow(), 100, Cancellation));
        Assert.Equal(crowd, (await Traffic.ReplayAsync(webhook, messages[4], Cancellation))!.Crowd);
        Assert.Equal(messages.Order(), (await TakeAllAsync(5)).Order());

        var first = await Traffic.ReplayAsync(webhook, since, Time.GetUtcNow(), 100, Cancellation);
        Assert.Equal(new WebhookReplay(3, messages[3].CreatedAt), first);
        Assert.NotNull((await Traffic.ReplayAsync(webhook, first.Next!.Value, Time.GetUtcNow(), 100, Cancellation)).Crowd);
        Assert.Equal(messages[..3].Order(), (await TakeAllAsync(3)).Order());

        Assert.Equal(new WebhookReplay(2, null), await Traffic.ReplayAsync(webhook, first.Next.Value, Time.GetUtcNow(), 100, Cancellation));
        Assert.Equal(messages[3..].Order(), (await TakeAllAsync(2)).Order());
        Assert.Equal((0, 0), (await Traffic.StandingAsync(webhook, Cancellation)) is var standing ? (standing.Waiting, standing.Dropped) : default);
    }

    [Fact]
    public async Task Whoever_waits_for_a_change_time_and_again_waits_for_the_same_until_it_comes()
    {
        var webhook = await AddAsync();
        await Eventually.HoldsAsync(() => ReferenceEquals(Lanes.Changed, Lanes.Changed), Cancellation);

        var changed = Lanes.Changed;
        await Traffic.TestAsync(webhook, Cancellation);
        await changed.WaitAsync(Cancellation);
    }

    [Fact]
    public async Task A_test_comes_once()
    {
        var webhook = await AddAsync();

        var id = await Traffic.TestAsync(webhook, Cancellation);
        var (lane, turn) = await TakeAsync();

        Assert.True(turn.IsTest);
        Assert.Equal(id, WebhookEvent.TestIdOf(turn.Message, webhook));
        Assert.Null(Assert.Single(turn.Events).Happened);
        await EndAsync(lane, turn);
        await NothingWaitsAsync(webhook);
    }

    [Fact]
    public async Task Of_a_webhook_that_was_removed_nothing_is_left()
    {
        var webhook = await AddAsync();
        await HappensAsync(MessageId.Create(Time), MailEventType.Accepted);
        await Eventually.HoldsAsync(async () => (await Traffic.StandingAsync(webhook, Cancellation)).Waiting == 1, Cancellation);

        Assert.True(await Webhooks.RemoveAsync("acme", webhook.Id, Cancellation));
        Assert.False(await Webhooks.RemoveAsync("acme", webhook.Id, Cancellation));

        await NothingWaitsAsync(webhook);
        foreach (var partition in _store.Store.Partitions)
        {
            var name = $"acme|{webhook.Id}";
            RedisKey[] keys = [partition.Keys.HookCounts(name), partition.Keys.HookNews(name)];
            Assert.Equal(0, await _store.Connections.Background.KeyExistsAsync(keys));
        }

        await HappensAsync(MessageId.Create(Time), MailEventType.Accepted);
        Assert.Empty(await Lanes.TakeDueAsync(Cancellation));
    }

    [Fact]
    public async Task It_is_its_accounts_alone()
    {
        var webhook = await AddAsync();

        Assert.Null(await Webhooks.FindAsync("other", webhook.Id, Cancellation));
        Assert.Empty(await Webhooks.ListAsync("other", Cancellation));
        Assert.Null(await Webhooks.ChangeAsync("other", webhook.Id, known => known, Cancellation));
        Assert.False(await Webhooks.RemoveAsync("other", webhook.Id, Cancellation));
        Assert.Equivalent(webhook, await Webhooks.FindAsync("acme", webhook.Id, Cancellation), strict: true);
        var strangers = MessageId.Create(Time);
        await HappensAsync(strangers, "other", MailEventType.Accepted);
        Assert.Null(await Traffic.ReplayAsync(webhook, strangers, Cancellation));
    }

    [Fact]
    public async Task Changes_of_one_webhook_at_the_same_time_are_all_kept()
    {
        var webhook = await AddAsync();

        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Webhooks.ChangeAsync("acme", webhook.Id, known => known with { By = known.By + "." }, Cancellation).AsTask()));

        Assert.Equal("key_1......", (await Webhooks.FindAsync("acme", webhook.Id, Cancellation))!.By);
    }

    [Fact]
    public async Task One_that_cannot_be_read_keeps_no_other_waiting_and_its_own_come_when_it_can()
    {
        var webhook = await AddAsync();
        var broken = WebhookOf("acme");
        await _store.Connections.Background.HashSetAsync(StoreKeys.Webhooks("acme"), broken.Id, "{");
        await Traffic.TestAsync(broken, Cancellation);
        await Traffic.TestAsync(webhook, Cancellation);

        var (lane, turn) = await TakeAsync();
        Assert.Equal(webhook.Id, lane.Webhook.Id);
        await EndAsync(lane, turn);

        await Webhooks.AddAsync(broken, Cancellation);
        (lane, _) = await TakeAsync();
        Assert.Equal(broken.Id, lane.Webhook.Id);
    }

    private protected async Task<EventWebhook> AddAsync(string account = "acme", IReadOnlyList<MailEventType>? events = null)
    {
        var webhook = WebhookOf(account, events);
        await Webhooks.AddAsync(webhook, Cancellation);
        await Eventually.HoldsAsync(() => _store.Get<Relay.Redis.Webhooks.WebhookDirectory>().Find($"{account}|{webhook.Id}") is not null, Cancellation);
        return webhook;
    }

    // As the store does when more messages have ended since than are kept.
    private Task ForgetAsync(MessageId message) => _store.Connections.Background.KeyDeleteAsync(_store.Store.PartitionOf(message).Keys.Activity(message));

    private static EventWebhook WebhookOf(string account, IReadOnlyList<MailEventType>? events = null) => new()
    {
        Id = $"hook_{Guid.NewGuid():n}",
        Account = account,
        Url = new Uri("https://hooks.acme.test/events"),
        Events = events ?? [],
        Secret = [1, 2, 3],
        CreatedAt = DateTimeOffset.UnixEpoch,
        By = "key_1",
    };

    private Task HappensAsync(MessageId message, params MailEventType[] types) => HappensAsync(message, "acme", types);

    // Ends when they are projected.
    private async Task HappensAsync(MessageId message, string account, params MailEventType[] types)
    {
        await TellAsync(message, account, types);
        await Eventually.HoldsAsync(async () => await _store.Connections.Background.ListLengthAsync(_store.Store.PartitionOf(message).Keys.Outbox) == 0, Cancellation);
    }

    // As a settling step writes them.
    private Task TellAsync(MessageId message, string account, params MailEventType[] types) =>
        TellAsync(message, account, [.. types.Select(type => EventOf(message, account, type))]);

    private Task TellAsync(MessageId message, string account, MailEvent[] events) => _store.Connections.Background.ListRightPushAsync(
        _store.Store.PartitionOf(message).Keys.Outbox, [.. events.Select(happened => (RedisValue)EventRecord.Write(happened, _store.Store.Mark, ends: false))]);

    private static MailEvent EventOf(MessageId message, string account, MailEventType type) => new()
    {
        Time = Time.GetUtcNow(),
        Type = type,
        Message = message,
        Account = account,
        Recipient = type == MailEventType.Accepted ? null : "a@x.test",
        Summary = type != MailEventType.Accepted ? null : new MessageSummary { MessageId = "1@acme.test", From = "a@acme.test", Subject = "Hello", Recipients = ["a@x.test"] },
    };

    private async Task<(WebhookLane Lane, WebhookTurn Turn)> TakeAsync()
    {
        (WebhookLane, WebhookTurn)? taken = null;
        await Eventually.HoldsAsync(
            async () =>
            {
                foreach (var lane in await Lanes.TakeDueAsync(Cancellation))
                {
                    var turns = await Lanes.ReadAsync(lane, 64, long.MaxValue, null, Cancellation);
                    if (taken is null && turns.Count > 0)
                    {
                        taken = (lane, turns[0]);
                    }
                    else
                    {
                        await Lanes.GiveBackAsync(lane, null, Cancellation);
                    }
                }

                return taken is not null;
            },
            Cancellation);
        return taken!.Value;
    }

    private async Task<List<MessageId>> TakeAllAsync(int count)
    {
        var messages = new List<MessageId>();
        while (messages.Count < count)
        {
            var (lane, turn) = await TakeAsync();
            messages.Add(turn.Message);
            await EndAsync(lane, turn);
        }

        return messages;
    }

    private async Task EndAsync(WebhookLane lane, WebhookTurn turn, WebhookTurnEnd? end = null)
    {
        await Lanes.SettleAsync(lane, [end ?? new WebhookTurnEnd(turn) { Next = turn.Events[^1].Next, Taken = turn.Events.Count }], Cancellation);
        await Lanes.GiveBackAsync(lane, null, Cancellation);
    }

    private Task NothingWaitsAsync(EventWebhook webhook) => Eventually.HoldsAsync(
        async () =>
        {
            foreach (var lane in await Lanes.TakeDueAsync(Cancellation))
            {
                await Lanes.GiveBackAsync(lane, null, Cancellation);
            }

            var names = await Task.WhenAll(_store.Store.Partitions.Select(p => _store.Connections.Background.SetContainsAsync(p.Keys.Hooks, $"acme|{webhook.Id}")));
            return !names.Contains(true) && (await Traffic.StandingAsync(webhook, Cancellation)).Waiting == 0;
        },
        Cancellation);
}

public sealed class EmbeddedWebhookLanesTests : WebhookLanesContract
{
    private protected override Task<StoreUnderTest> OpenAsync() => StoreUnderTest.StartAsync(null, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
}

public sealed class RedisWebhookLanesTests : WebhookLanesContract
{
    private RedisServer? _redis;

    private protected override async Task<StoreUnderTest> OpenAsync()
    {
        _redis = await RedisServer.StartAsync(Cancellation);
        return await StoreUnderTest.StartAsync(_redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
    }

    protected override async ValueTask CloseAsync() => await _redis!.DisposeAsync();
}

[Collection(ClusterCollection.Name)]
public sealed class ClusterWebhookLanesTests(SharedCluster shared) : WebhookLanesContract
{
    private protected override Task<StoreUnderTest> OpenAsync() => shared.OpenAsync(TimeProvider.System, Cancellation);
}
