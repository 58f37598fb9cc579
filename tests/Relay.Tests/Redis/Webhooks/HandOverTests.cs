using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Relay.Delivery;
using Relay.Delivery.Hooks;
using Relay.Delivery.Routing;
using Relay.Delivery.Sending;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Signing;
using Relay.Mail.Webhooks;
using Relay.Redis.Records;
using Relay.Redis.Webhooks;
using Relay.TestKit.Dns;
using Relay.TestKit.Redis;
using Relay.TestKit.Remote;
using Relay.Tests.Delivery;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Webhooks;

/// <summary>
/// A webhook's lanes pass from one node to another while events of theirs are at the program. Each event comes, those of a message
/// in their order when each is first seen, and what comes twice bears the id it had.
/// </summary>
public sealed class HandOverTests
{
    private static readonly TimeProvider Time = TimeProvider.System;

    private static readonly MailEventType[] Story = [MailEventType.Accepted, MailEventType.Deferred, MailEventType.Delivered];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_a_node_had_posted_when_it_was_killed_is_posted_again_by_the_next_and_all_behind_it()
    {
        await using var scene = await Scene.StartAsync();
        var gate = new TaskCompletionSource();
        scene.Server.Gate = gate.Task;
        var messages = await scene.HappensAsync(6);
        await scene.PostedAsync(6);

        // Nobody hears what the program says to the first node, nor anything of that node again.
        scene.Server.Gate = Task.CompletedTask;
        scene.Proxy.Cut();
        await scene.NothingWaitsAsync();

        var posts = scene.Posts;
        Assert.Equal(6 + (6 * Story.Length), posts.Count);
        Assert.All(messages, message => Assert.Equal(
            [MailEventType.Accepted, .. Story], posts.Where(post => post.Message == message.ToString()).Select(post => post.Type)));
        Assert.Equal(6 * Story.Length, posts.Select(post => post.Id).Distinct().Count());
        Assert.Equal(6 * Story.Length, (await scene.StandingAsync()).Taken);
        gate.SetResult();
    }

    [Fact]
    public async Task What_a_paused_node_does_when_it_goes_on_ends_nothing_of_the_next_ones_and_posts_nothing_more()
    {
        await using var scene = await Scene.StartAsync();
        var (first, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        scene.Server.Gate = first.Task;
        var message = Assert.Single(await scene.HappensAsync(1));
        await scene.PostedAsync(1);
        scene.Server.Gate = second.Task;
        first.SetResult();
        await scene.PostedAsync(2);

        // The first node is at the second event, and the next posts all of them meanwhile.
        scene.Server.Gate = Task.CompletedTask;
        scene.Proxy.Cut();
        await scene.NothingWaitsAsync();
        Assert.Equal([MailEventType.Accepted, MailEventType.Deferred, .. Story], scene.Posts.Select(post => post.Type));

        // What it knows of itself is old; that it can write again shows when the next has given it its part.
        scene.Proxy.Mend();
        await Eventually.HoldsAsync(() => scene.Heir.Store.Partitions.Count(p => p.IsOwned) == 8 && scene.Old.Store.Partitions.Count(p => p.IsOwned) == 8, Cancellation);
        await Eventually.HoldsAsync(async () => await scene.Old.Connections.Background.PingAsync() > TimeSpan.Zero, Cancellation);
        second.SetResult();
        await Eventually.HoldsAsync(() => scene.OldLanes.InHand == 0, Cancellation);
        var standing = await scene.StandingAsync();
        Assert.Equal((0, Story.Length), (standing.Waiting, standing.Taken));

        // It goes on with what is its own now.
        await scene.HappensAsync(1);
        await scene.PostedAsync(5 + Story.Length);
        await scene.NothingWaitsAsync();
        var posts = scene.Posts.Where(post => post.Message == message.ToString()).ToList();
        Assert.Equal((5, Story.Length), (posts.Count, posts.Select(post => post.Id).Distinct().Count()));
        Assert.Equal(2 * Story.Length, (await scene.StandingAsync()).Taken);
    }

    /// <summary>Tells whether anything of what was taken was not given back yet.</summary>
    private sealed class WatchedLanes(IWebhookLanes lanes) : IWebhookLanes
    {
        private int _inHand;

        public int InHand => Volatile.Read(ref _inHand);

        public Task Changed => lanes.Changed;

        public async ValueTask<IReadOnlyList<WebhookLane>> TakeDueAsync(CancellationToken cancellation)
        {
            var taken = await lanes.TakeDueAsync(cancellation);
            Interlocked.Add(ref _inHand, taken.Count);
            return taken;
        }

        public ValueTask<IReadOnlyList<WebhookTurn>> ReadAsync(WebhookLane lane, int most, long octets, DateTimeOffset? dueBefore, CancellationToken cancellation) =>
            lanes.ReadAsync(lane, most, octets, dueBefore, cancellation);

        public bool MayPost(WebhookLane lane) => lanes.MayPost(lane);

        public ValueTask SettleAsync(WebhookLane lane, IReadOnlyList<WebhookTurnEnd> ends, CancellationToken cancellation) => lanes.SettleAsync(lane, ends, cancellation);

        public async ValueTask GiveBackAsync(WebhookLane lane, DateTimeOffset? notBefore, CancellationToken cancellation)
        {
            try
            {
                await lanes.GiveBackAsync(lane, notBefore, cancellation);
            }
            finally
            {
                Interlocked.Decrement(ref _inHand);
            }
        }

        public ValueTask HurryAsync(EventWebhook webhook, CancellationToken cancellation) => lanes.HurryAsync(webhook, cancellation);
    }

    private sealed record Post(string Id, string Message, MailEventType Type);

    /// <summary>Two nodes on one Redis, the first behind a wire that can be cut, both posting to one program.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        private readonly TestAuthority _authority = TestAuthority.Create();
        private readonly KeySeal _seal = new([]);
        private readonly List<EventPosts> _posting = [];
        private RedisServer _redis = null!;
        private ScriptedDns _dns = null!;
        private DeliveryUnderTest _delivery = null!;
        private EventWebhook _webhook = null!;

        public PolicyServer Server { get; private set; } = null!;
        public RedisProxy Proxy { get; private set; } = null!;
        public StoreUnderTest Old { get; private set; } = null!;
        public StoreUnderTest Heir { get; private set; } = null!;
        public WatchedLanes OldLanes { get; private set; } = null!;

        public IReadOnlyList<Post> Posts => [.. Server.Requests.Select(Read)];

        public static async Task<Scene> StartAsync()
        {
            var scene = new Scene();
            scene._redis = await RedisServer.StartAsync(Cancellation);
            scene.Proxy = new RedisProxy(scene._redis.Port);
            scene.Server = PolicyServer.Start(scene._authority.For("hooks.acme.test")).Serve("{}");
            scene._dns = ScriptedDns.Start().A("hooks.acme.test", "127.0.0.1");
            scene._delivery = await DeliveryUnderTest.StartWithDnsAsync(scene._dns, 25);
            scene._delivery.Part<CheckedHttp>().Trust(scene._authority.Policy);
            scene.Old = await StoreUnderTest.StartAsync(scene.Proxy.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:Lease", "00:00:03"));
            scene.Heir = await StoreUnderTest.StartAsync(scene._redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation, ("Queue:Lease", "00:00:03"));
            await Eventually.HoldsAsync(() => scene.Old.Store.Partitions.Count(p => p.IsOwned) == 8 && scene.Heir.Store.Partitions.Count(p => p.IsOwned) == 8, Cancellation);
            await scene.AddWebhookAsync();
            scene.OldLanes = new WatchedLanes(scene.Old.Get<IWebhookLanes>());
            await scene.PostAsync(scene.OldLanes);
            await scene.PostAsync(scene.Heir.Get<IWebhookLanes>());
            return scene;
        }

        /// <summary>All of their story happens to so many messages of one partition, which is the first node's.</summary>
        public async Task<IReadOnlyList<MessageId>> HappensAsync(int messages)
        {
            var slot = Old.Queue.ChooseSlot();
            var ids = Enumerable.Range(0, messages).Select(_ => MessageId.Create(Time, slot)).ToList();
            foreach (var id in ids)
            {
                RedisValue[] events = [.. Story.Select((type, n) => (RedisValue)EventRecord.Write(EventOf(id, type, n), Old.Store.Mark, ends: false))];
                await Heir.Connections.Background.ListRightPushAsync(Heir.Store.PartitionOf(id).Keys.Outbox, events);
            }

            return ids;
        }

        public Task PostedAsync(int count) => Eventually.HoldsAsync(() => Server.Requests.Count >= count, Cancellation);

        public Task NothingWaitsAsync() => Eventually.HoldsAsync(
            async () =>
            {
                var outboxes = await Task.WhenAll(Heir.Store.Partitions.Select(p => Heir.Connections.Background.ListLengthAsync(p.Keys.Outbox)));
                return outboxes.Sum() == 0 && (await StandingAsync()).Waiting == 0;
            },
            Cancellation);

        public ValueTask<WebhookStanding> StandingAsync() => Heir.Get<IWebhookTraffic>().StandingAsync(_webhook, Cancellation);

        public async ValueTask DisposeAsync()
        {
            // A post that hangs ends with its program.
            await Server.DisposeAsync();
            foreach (var posting in _posting)
            {
                await posting.StopAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30), CancellationToken.None);
                posting.Dispose();
            }

            await Heir.DisposeAsync();
            await Old.DisposeAsync();
            await _delivery.DisposeAsync();
            await _dns.DisposeAsync();
            await Proxy.DisposeAsync();
            await _redis.DisposeAsync();
            _authority.Dispose();
        }

        private async Task AddWebhookAsync()
        {
            _webhook = new EventWebhook { Id = "hook_1", Account = "acme", Url = new Uri($"https://hooks.acme.test:{Server.Port}/"), Secret = [], CreatedAt = Time.GetUtcNow(), By = "key_1" };
            _webhook = _webhook with { Secret = _seal.Seal(new byte[32], _webhook.SecretPlace) };
            await Heir.Get<IWebhookStore>().AddAsync(_webhook, Cancellation);
            foreach (var store in (StoreUnderTest[])[Old, Heir])
            {
                await Eventually.HoldsAsync(() => store.Get<WebhookDirectory>().Find(WebhookDirectory.NameOf(_webhook)) is not null, Cancellation);
            }
        }

        // As a node does, by the real clock.
        private Task PostAsync(IWebhookLanes lanes)
        {
            var options = Options.Create(new DeliveryOptions());
            var (schedule, metrics) = (new RetrySchedule(options), _delivery.Part<DeliveryMetrics>());
            var sender = new EventSender(_delivery.Part<CheckedHttp>(), new HookPost(options, Time), metrics, Time, NullLogger<EventSender>.Instance, _seal);
            var posting = new EventPosts(sender, new Endpoints(schedule, options, Time), schedule, options, metrics, Time, NullLogger<EventPosts>.Instance, lanes);
            _posting.Add(posting);
            return posting.StartAsync(Cancellation);
        }

        private static MailEvent EventOf(MessageId message, MailEventType type, int n) => new()
        {
            Time = Time.GetUtcNow().AddMilliseconds(n),
            Type = type,
            Message = message,
            Account = "acme",
            Summary = type != MailEventType.Accepted ? null : new MessageSummary { MessageId = "1@acme.test", From = "a@acme.test", Subject = "Hello", Recipients = ["a@x.test"] },
        };

        private static Post Read(string request)
        {
            var end = request.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            var body = JsonElement.Parse(request[(end + 4)..]);
            var id = request[..end].Split("\r\n").Single(line => line.StartsWith("webhook-id:", StringComparison.OrdinalIgnoreCase))["webhook-id:".Length..].Trim();
            return new Post(id, body.GetProperty("data").GetProperty("id").GetString()!, Enum.Parse<MailEventType>(body.GetProperty("type").GetString()!, ignoreCase: true));
        }
    }
}
