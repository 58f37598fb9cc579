using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Webhooks;
using Relay.Redis.Records;
using Relay.Redis.Webhooks;

namespace Relay.Tests.Redis.Webhooks;

/// <summary>What happened to a message is forgotten while it waits for a webhook, and then more happens.</summary>
public sealed class ForgottenEventsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_happens_later_is_posted_whole_though_a_mark_led_behind_where_it_begins()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var store = await StoreUnderTest.StartAsync(null, StoreUnderTest.NewFolder(), time, Cancellation, ("Queue:ActivityKept", "1.00:00:00"));
        var (lanes, traffic) = (store.Get<IWebhookLanes>(), store.Get<IWebhookTraffic>());
        var webhook = await AddAsync(store);
        var message = MessageId.Create(time);
        var keys = store.Store.PartitionOf(message).Keys;

        // The first was taken and the second not, so its place is marked.
        await TellAsync(EventOf(MailEventType.Accepted), ends: false);
        await TellAsync(EventOf(MailEventType.Delivered), ends: true);
        await PassAsync(async () => (await traffic.StandingAsync(webhook, Cancellation)).Waiting == 1 && await store.Connections.Background.ListLengthAsync(keys.Outbox) == 0);
        var (lane, turn) = await TakeAsync();
        await lanes.SettleAsync(lane, [new WebhookTurnEnd(turn) { Next = turn.Events[1].Offset, Due = time.GetUtcNow().AddHours(1), Failures = 1, Taken = 1, Error = "HTTP 500" }], Cancellation);
        await lanes.GiveBackAsync(lane, null, Cancellation);

        await PassAsync(async () => !await store.Connections.Background.KeyExistsAsync(keys.Activity(message)), TimeSpan.FromHours(1));
        var standing = await traffic.StandingAsync(webhook, Cancellation);
        Assert.Equal((0, 1), (standing.Waiting, standing.Dropped));
        Assert.False(await store.Connections.Background.KeyExistsAsync(keys.HookMark(WebhookDirectory.NameOf(webhook), message)));

        await TellAsync(EventOf(MailEventType.Bounced) with { Reply = $"550 5.1.1 {new string('x', 2_000)}" }, ends: false);
        await PassAsync(async () => (await traffic.StandingAsync(webhook, Cancellation)).Waiting == 1);
        (_, turn) = await TakeAsync();
        Assert.Equal((0, MailEventType.Bounced), (turn.From, Assert.Single(turn.Events).Happened!.Type));

        MailEvent EventOf(MailEventType type) => new() { Time = time.GetUtcNow(), Type = type, Message = message, Account = "acme", Recipient = type == MailEventType.Accepted ? null : "a@x.test" };

        Task TellAsync(MailEvent happened, bool ends) =>
            store.Connections.Background.ListRightPushAsync(keys.Outbox, EventRecord.Write(happened, store.Store.Mark, ends));

        async Task<(WebhookLane, WebhookTurn)> TakeAsync()
        {
            (WebhookLane, WebhookTurn)? taken = null;
            await PassAsync(async () =>
            {
                foreach (var lane in await lanes.TakeDueAsync(Cancellation))
                {
                    if (await lanes.ReadAsync(lane, 64, long.MaxValue, null, Cancellation) is [var turn, ..])
                    {
                        taken = (lane, turn);
                        return true;
                    }

                    await lanes.GiveBackAsync(lane, null, Cancellation);
                }

                return false;
            });
            return taken!.Value;
        }

        // A loop that read the clock just before it was moved waits for a moment that comes when it is moved again.
        Task PassAsync(Func<Task<bool>> holds, TimeSpan? step = null) => Eventually.HoldsAsync(
            async () =>
            {
                time.Advance(step ?? TimeSpan.FromSeconds(1));
                return await holds();
            },
            Cancellation);
    }

    private static async Task<EventWebhook> AddAsync(StoreUnderTest store)
    {
        var webhook = new EventWebhook
        {
            Id = "hook_1",
            Account = "acme",
            Url = new Uri("https://hooks.acme.test/events"),
            Secret = [1, 2, 3],
            CreatedAt = DateTimeOffset.UnixEpoch,
            By = "key_1",
        };
        await store.Get<IWebhookStore>().AddAsync(webhook, Cancellation);
        await Eventually.HoldsAsync(() => store.Get<WebhookDirectory>().Find(WebhookDirectory.NameOf(webhook)) is not null, Cancellation);
        return webhook;
    }
}
