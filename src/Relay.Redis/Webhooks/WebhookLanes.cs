using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Queue;
using Relay.Mail.Webhooks;
using Relay.Redis.Administration;
using Relay.Redis.Connections;
using Relay.Redis.Queue;
using Relay.Redis.Steps;
using Relay.Redis.Telemetry;
using StackExchange.Redis;

namespace Relay.Redis.Webhooks;

/// <summary>
/// Which webhooks have something waiting in the partitions of this node, and since when it is due. It is known in memory, since
/// whatever is put there comes from the projector of the same node; a partition that is new here is looked through once, and so
/// are all when somebody put something there by hand. Where nothing waits the store is asked nothing.
/// </summary>
internal sealed class WebhookLanes : IWebhookLanes
{
    // A ring may be lost.
    private static readonly TimeSpan LookAgain = TimeSpan.FromMinutes(1);

    // After a store that refused, as a step that waits for it.
    private static readonly TimeSpan Refused = TimeSpan.FromSeconds(2);

    private const int Chunk = 256;

    private readonly Store _store;
    private readonly RedisWebhookStore _webhooks;
    private readonly WebhookDirectory _directory;
    private readonly WebhookReader _reader;
    private readonly Bell _bell;
    private readonly RedisMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger<WebhookLanes> _logger;
    private readonly int _most;
    private readonly Pulse _arrived = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<(int Partition, string Webhook), Waiting> _waiting = [];
    private readonly Dictionary<int, long> _looked = [];
    private Task _rung = Task.CompletedTask;
    private DateTimeOffset _lookAt;
    private volatile bool _isOutdated;
    private volatile Task _changed = Task.CompletedTask;

    public WebhookLanes(
        Store store, RedisWebhookStore webhooks, WebhookDirectory directory, WebhookReader reader, Bell bell, RedisMetrics metrics, IOptions<StoreOptions> options, TimeProvider time, ILogger<WebhookLanes> logger)
    {
        (_store, _webhooks, _directory, _reader, _bell, _metrics, _time, _logger) = (store, webhooks, directory, reader, bell, metrics, time, logger);
        _most = options.Value.Queue.WebhookMessages;
        directory.Changed += () =>
        {
            _isOutdated = true;
            _arrived.Beat();
        };
    }

    // The same until it has ended: each more would be remembered by both for as long as neither happens.
    public Task Changed => _changed is { IsCompleted: false } known ? known : _changed = Task.WhenAny(_arrived.Next, _bell.Webhooks.Next);

    private IDatabase Database => _store.Connections.Background;

    /// <summary>Something more waits; called behind the step that put it there.</summary>
    public void Arrived(Partition partition, string webhook, int messages)
    {
        lock (_lock)
        {
            var lane = LaneOf(partition.Number, webhook);
            lane.Due = Earlier(lane.Due, _time.GetUtcNow());
            lane.Arrived += messages;
            lane.IsChanged = true;
        }

        _arrived.Beat();
    }

    public async ValueTask<IReadOnlyList<WebhookLane>> TakeDueAsync(CancellationToken cancellation)
    {
        if (!_store.IsOpen)
        {
            return [];
        }

        await LookAsync(cancellation);
        var found = await Task.WhenAll(TakeDue().Select(due => FindAsync(due.Partition, due.Webhook, cancellation)));
        return [.. found.OfType<WebhookLane>()];
    }

    public ValueTask<IReadOnlyList<WebhookTurn>> ReadAsync(WebhookLane lane, int most, DateTimeOffset? dueBefore, CancellationToken cancellation) =>
        _reader.ReadAsync(_store.Partitions[lane.Partition].Keys, WebhookDirectory.NameOf(lane.Webhook), most, dueBefore, cancellation);

    public bool MayPost(WebhookLane lane) => _store.IsOpen && _store.Partitions[lane.Partition] is { IsOwned: true } partition && partition.Term == lane.Term && _time.GetTimestamp() < partition.LiveUntil;

    public async ValueTask SettleAsync(WebhookLane lane, IReadOnlyList<WebhookTurnEnd> ends, CancellationToken cancellation)
    {
        WebhookTurnEnd[] written = [.. ends.Where(end => !end.IsNothing)];
        if (written.Length == 0 || await TrySettleAsync(lane, written, HookStep.IsDone, cancellation))
        {
            return;
        }

        foreach (var end in written)
        {
            // Where more happened to its message meanwhile, that is what is left of it.
            if (!await TrySettleAsync(lane, [end], HookStep.IsDone, cancellation) && HookStep.IsDone(end))
            {
                await TrySettleAsync(lane, [end], _ => false, cancellation);
            }
        }
    }

    public async ValueTask GiveBackAsync(WebhookLane lane, DateTimeOffset? notBefore, CancellationToken cancellation)
    {
        var name = WebhookDirectory.NameOf(lane.Webhook);
        var partition = _store.Partitions[lane.Partition];
        DateTimeOffset? due = _time.GetUtcNow() + Refused;
        try
        {
            var (count, first) = await StoreFailure.TranslateAsync(LookAtAsync(partition.Keys.Hook(name)), cancellation);
            var surplus = count - Math.Max(1, _most / _store.Partitions.Count);
            if (surplus > 0)
            {
                await DropAsync(partition, lane.Webhook, surplus, cancellation);
            }

            due = first is [var next, ..] ? DateTimeOffset.FromUnixTimeMilliseconds((long)next.Score) : null;
            if (due is null)
            {
                await ForgetEmptyAsync(partition, name, cancellation);
            }
        }
        finally
        {
            PutBack(lane.Partition, name, due, notBefore);
        }
    }

    public async ValueTask HurryAsync(EventWebhook webhook, CancellationToken cancellation)
    {
        var name = WebhookDirectory.NameOf(webhook);
        var now = _time.GetUtcNow();
        foreach (var partition in _store.Partitions.Where(p => p.IsServed && IsKnown(p, name)))
        {
            var key = partition.Keys.Hook(name);
            var later = await StoreFailure.TranslateAsync(
                Database.SortedSetRangeByScoreAsync(key, now.ToUnixTimeMilliseconds(), double.PositiveInfinity, Exclude.Start, take: Chunk, flags: StoreConnections.FromPrimary), cancellation);
            if (later.Length > 0)
            {
                await StoreFailure.TranslateAsync(
                    Database.SortedSetAddAsync(key, [.. later.Select(each => new SortedSetEntry(each, now.ToUnixTimeMilliseconds()))], SortedSetWhen.Exists), cancellation);
            }

            lock (_lock)
            {
                var lane = LaneOf(partition.Number, name);
                lane.NotBefore = default;
                lane.Due = Earlier(lane.Due, now);
                lane.IsChanged = true;
            }
        }

        _arrived.Beat();
    }

    private async Task<(long Count, SortedSetEntry[] First)> LookAtAsync(RedisKey key)
    {
        var count = Database.SortedSetLengthAsync(key, flags: StoreConnections.FromPrimary);
        return (await count.InTimeAsync(), await Database.SortedSetRangeByRankWithScoresAsync(key, 0, 0, flags: StoreConnections.FromPrimary).InTimeAsync());
    }

    // Partitions that are new here, and all when anything may have been put there that nobody told us of.
    private async Task LookAsync(CancellationToken cancellation)
    {
        var now = _time.GetUtcNow();
        var all = _isOutdated || _rung.IsCompleted || (!_directory.IsEmpty && now >= _lookAt);
        _isOutdated = false;
        _rung = _bell.Webhooks.Next;
        _lookAt = all ? now + LookAgain : _lookAt;
        try
        {
            foreach (var partition in _store.Partitions.Where(p => p.IsServed))
            {
                if (!all && _looked.TryGetValue(partition.Number, out var term) && term == partition.Term)
                {
                    continue;
                }

                var looked = partition.Term;
                var names = await StoreFailure.TranslateAsync(Database.SetMembersAsync(partition.Keys.Hooks, StoreConnections.FromPrimary), cancellation);
                lock (_lock)
                {
                    foreach (var name in names)
                    {
                        var lane = LaneOf(partition.Number, name.ToString());
                        (lane.Due, lane.NotBefore, lane.IsChanged) = (Earlier(lane.Due, now), default, true);
                    }
                }

                _looked[partition.Number] = looked;
            }
        }
        catch (StoreUnavailableException)
        {
            _isOutdated = true;
            throw;
        }
    }

    private List<(int Partition, string Webhook)> TakeDue()
    {
        var now = _time.GetUtcNow();
        var taken = new List<(int, string)>();
        lock (_lock)
        {
            foreach (var (key, lane) in _waiting)
            {
                if (!_store.Partitions[key.Partition].IsServed)
                {
                    // Another's now; what is out comes back.
                    if (!lane.IsOut)
                    {
                        _waiting.Remove(key);
                    }
                }
                else if (!lane.IsOut && lane.Due <= now && (lane.NotBefore <= now || lane.Arrived > Math.Max(1, _most / _store.Partitions.Count / 4)))
                {
                    (lane.IsOut, lane.IsChanged, lane.Arrived) = (true, false, 0);
                    taken.Add(key);
                }
            }
        }

        return taken;
    }

    // Null when nobody is to work on it: its webhook is gone, or cannot be read now. Then it comes back by itself, and keeps no other from being worked on.
    private async Task<WebhookLane?> FindAsync(int partition, string name, CancellationToken cancellation)
    {
        var owned = _store.Partitions[partition];
        if (_directory.Find(name) is { } known)
        {
            return new WebhookLane(partition, owned.Term, known);
        }

        var (account, id) = WebhookDirectory.PartsOf(name);
        try
        {
            // What another node heard of first is not gone.
            if (await _webhooks.FindAsync(account, id, cancellation) is { } fresh)
            {
                return new WebhookLane(partition, owned.Term, fresh);
            }

            await ForgetAsync(owned, name, cancellation);
        }
        catch (Exception e)
        {
            PutBack(partition, name, _time.GetUtcNow() + Refused, null);
            _logger.WebhookNotFound(id, account, e.Message);
        }

        return null;
    }

    private async ValueTask<bool> TrySettleAsync(WebhookLane lane, WebhookTurnEnd[] ends, Func<WebhookTurnEnd, bool> asDone, CancellationToken cancellation)
    {
        var keys = _store.Partitions[lane.Partition].Keys;
        var name = WebhookDirectory.NameOf(lane.Webhook);
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        var step = Database.CreateTransaction();
        foreach (var end in ends)
        {
            HookStep.AddConditions(step, keys, name, end, asDone(end));
            HookStep.AddEnd(step, keys, name, end, asDone(end), now);
        }

        HookStep.AddNews(step, keys, name, ends, now);
        return await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
    }

    private async ValueTask DropAsync(Partition partition, EventWebhook webhook, long surplus, CancellationToken cancellation)
    {
        var name = WebhookDirectory.NameOf(webhook);
        for (var left = surplus; left > 0; left -= Chunk)
        {
            var oldest = await StoreFailure.TranslateAsync(
                Database.SortedSetRangeByRankAsync(partition.Keys.Hook(name), 0, Math.Min(left, Chunk) - 1, flags: StoreConnections.FromPrimary), cancellation);
            if (oldest.Length == 0)
            {
                break;
            }

            var step = Database.CreateTransaction();
            HookStep.AddDrop(step, partition.Keys, name, oldest);
            await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
        }

        _metrics.EventsDropped(surplus);
        _logger.WebhookEventsDropped(webhook.Id, webhook.Account, surplus);
    }

    // It was removed, and what waits for it goes to nobody.
    private async ValueTask ForgetAsync(Partition partition, string name, CancellationToken cancellation)
    {
        var keys = partition.Keys;
        while (await StoreFailure.TranslateAsync(Database.SortedSetRangeByRankAsync(keys.Hook(name), 0, Chunk - 1, flags: StoreConnections.FromPrimary), cancellation) is { Length: > 0 } some)
        {
            var step = Database.CreateTransaction();
            HookStep.AddDrop(step, keys, name, some);
            await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
        }

        await StoreFailure.TranslateAsync(Database.KeyDeleteAsync([keys.HookCounts(name), keys.HookNews(name)]), cancellation);
        await StoreFailure.TranslateAsync(Database.SetRemoveAsync(keys.Hooks, name), cancellation);
        PutBack(partition.Number, name, null, null);
    }

    private async ValueTask ForgetEmptyAsync(Partition partition, string name, CancellationToken cancellation)
    {
        var step = Database.CreateTransaction();
        step.AddCondition(Condition.KeyNotExists(partition.Keys.Hook(name)));
        _ = step.SetRemoveAsync(partition.Keys.Hooks, name, CommandFlags.FireAndForget);
        await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
    }

    /// <param name="due">Null: nothing waits in it.</param>
    private void PutBack(int partition, string name, DateTimeOffset? due, DateTimeOffset? notBefore)
    {
        lock (_lock)
        {
            var lane = LaneOf(partition, name);
            if (due is null && !lane.IsChanged)
            {
                _waiting.Remove((partition, name));
                return;
            }

            lane.IsOut = false;
            lane.NotBefore = notBefore ?? default;
            lane.Due = lane.IsChanged ? _time.GetUtcNow() : due!.Value;
        }

        _arrived.Beat();
    }

    private bool IsKnown(Partition partition, string name)
    {
        lock (_lock)
        {
            return _waiting.ContainsKey((partition.Number, name));
        }
    }

    private Waiting LaneOf(int partition, string name)
    {
        if (!_waiting.TryGetValue((partition, name), out var lane))
        {
            _waiting[(partition, name)] = lane = new Waiting();
        }

        return lane;
    }

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    private sealed class Waiting
    {
        public DateTimeOffset Due { get; set; } = DateTimeOffset.MaxValue;

        /// <summary>The webhook is left alone until then.</summary>
        public DateTimeOffset NotBefore { get; set; }

        /// <summary>Messages since it was looked at: while its webhook is left alone it is kept within its bound all the same.</summary>
        public int Arrived { get; set; }

        /// <summary>Somebody works on it.</summary>
        public bool IsOut { get; set; }

        /// <summary>Something came while it was out.</summary>
        public bool IsChanged { get; set; }
    }
}
