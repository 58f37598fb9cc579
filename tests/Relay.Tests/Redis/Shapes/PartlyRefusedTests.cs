using Microsoft.Extensions.Logging.Abstractions;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Webhooks;
using Relay.Redis;
using Relay.Redis.Journal;
using Relay.Redis.Queue;
using Relay.Redis.Webhooks;

namespace Relay.Tests.Redis.Shapes;

/// <summary>A store refuses what concerns one partition, as a cluster does whose shard is away, and does all the rest.</summary>
public sealed class PartlyRefusedTests : BehindShim
{
    private Partition Refused => Store.Store.Partitions[5];

    private Partition Served => Store.Store.Partitions[3];

    [Fact]
    public async Task What_is_asked_of_the_others_is_done()
    {
        await AcceptAsync(Refused);
        await AcceptAsync(Served);
        Refuse(Refused.Keys.Asks.ToString(), "LRANGE");

        var ask = new QueueAsk { Id = "ask1", Kind = AskKind.Bounce, Selector = new QueueSelector { Domain = "x.test" }, Reason = "gone", By = "admin", AskedAt = Time.GetUtcNow() };
        await Store.Get<IQueueAdministration>().AskAsync(ask, TimeSpan.FromMilliseconds(100), Cancellation).InTime();
        await Eventually.HoldsAsync(async () => (await Store.Reader.MeasureAsync(Cancellation)).Units == 1, Cancellation);

        Shim.Instead = _ => null;
        await Eventually.HoldsAsync(async () => (await Store.Reader.MeasureAsync(Cancellation)).Units == 0, Cancellation);
    }

    [Fact]
    public async Task A_dot_of_the_others_is_noted_though_one_beside_it_is_not()
    {
        var dots = new DotWriter(Store.Store, Store.Get<LocalJournal>(), NullLogger<DotWriter>.Instance);
        var (first, second) = (await LeaseAsync(Refused), await LeaseAsync(Served));
        Refuse(Refused.Keys.Dots.ToString(), "HSET", "HMSET");
        Task<bool>[] noted = [NoteAsync(dots, Refused, first), NoteAsync(dots, Served, second)];

        // Both wait when it begins, so they go together.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var writing = dots.RunAsync(stop.Token);

        var written = await Task.WhenAll(noted).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing);
        Assert.Equal([false, true], written);
    }

    [Fact]
    public async Task Events_of_the_others_are_taken_to_their_webhooks()
    {
        Refuse(Refused.Keys.Hooks.ToString(), "SMEMBERS");
        var webhook = WebhookOf("hook_1");
        await Store.Get<IWebhookStore>().AddAsync(webhook, Cancellation);
        await Eventually.HoldsAsync(() => Store.Get<WebhookDirectory>().Find(WebhookDirectory.NameOf(webhook)) is not null, Cancellation);

        await AcceptAsync(Served);

        await Eventually.HoldsAsync(async () => (await Store.Get<IWebhookLanes>().TakeDueAsync(Cancellation)).Any(lane => lane.Partition == Served.Number), Cancellation);
    }

    [Fact]
    public async Task Where_of_none_it_can_be_read_what_waits_for_webhooks_that_is_told_though_one_was_given_away()
    {
        var lanes = Store.Get<IWebhookLanes>();
        await lanes.TakeDueAsync(Cancellation);
        Served.Leave();
        Shim.Instead = command => command[0] == "SMEMBERS" && Store.Store.Partitions.Any(p => p.Keys.Hooks.ToString() == command[1])
            ? ["EVAL", "return redis.error_reply('CLUSTERDOWN The cluster is down')", "0"]
            : null;

        // All are looked at when the webhooks have changed.
        await Store.Get<IWebhookStore>().AddAsync(WebhookOf("hook_2"), Cancellation);
        await Eventually.HoldsAsync(
            async () =>
            {
                try
                {
                    await lanes.TakeDueAsync(Cancellation);
                    return false;
                }
                catch (StoreUnavailableException)
                {
                    return true;
                }
            },
            Cancellation);
    }

    private static EventWebhook WebhookOf(string id) => new()
    {
        Id = id,
        Account = "acme",
        Url = new Uri("https://hooks.acme.test/events"),
        Secret = [1, 2, 3],
        CreatedAt = DateTimeOffset.UnixEpoch,
        By = "key_1",
    };

    private void Refuse(string key, params string[] names) =>
        Shim.Instead = command => names.Contains(command[0]) && command[1] == key ? ["EVAL", "return redis.error_reply('CLUSTERDOWN The cluster is down')", "0"] : null;

    private static Task<bool> NoteAsync(DotWriter dots, Partition partition, Lease lease) =>
        dots.WriteAsync(partition, lease, new DotEntry(lease.Id, lease.Attempts, Time.GetUtcNow(), "mx.x.test"));

    private async Task AcceptAsync(Partition partition) => Assert.IsType<EnqueueResult.Accepted>(
        await Store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, partition.Number) }, null, Cancellation).InTime());

    private async Task<Lease> LeaseAsync(Partition partition)
    {
        await AcceptAsync(partition);
        return Assert.Single(await Store.Queue.LeaseDueAsync(TestMail.Everything, Cancellation).InTime());
    }
}
