using Microsoft.Extensions.Logging;
using Relay.Mail.Queue;
using Relay.Mail.Webhooks;
using Relay.Redis.Administration;
using Relay.Redis.Connections;
using Relay.Redis.Queue;
using Relay.Redis.Steps;
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

    // Made due in one step.
    private const int Chunk = 256;

    private readonly Store _store;
    private readonly RedisWebhookStore _webhooks;
    private readonly WebhookDirectory _directory;
    private readonly WebhookReader _reader;
    private readonly WebhookBounds _bounds;
    private readonly WaitingLanes _waiting;
    private readonly Bell _bell;
    private readonly TimeProvider _time;
    private readonly ILogger<WebhookLanes> _logger;

    // Of those that are served here.
    private readonly Dictionary<int, long> _looked = [];
    private readonly Trouble _trouble = new();
    private bool _isTold;
    private Task _rung = Task.CompletedTask;
    private DateTimeOffset _lookAt;
    private volatile bool _isOutdated;
    private volatile Task _changed = Task.CompletedTask;

    public WebhookLanes(
        Store store, RedisWebhookStore webhooks, WebhookDirectory directory, WebhookReader reader, WebhookBounds bounds, WaitingLanes waiting, Bell bell, TimeProvider time, ILogger<WebhookLanes> logger)
    {
        (_store, _webhooks, _directory, _reader, _bounds, _waiting, _bell, _time, _logger) = (store, webhooks, directory, reader, bounds, waiting, bell, time, logger);
        directory.Changed += () =>
        {
            _isOutdated = true;
            waiting.Arrived.Beat();
        };
    }

    // The same until it has ended: each more would be remembered by both for as long as neither happens.
    public Task Changed => _changed is { IsCompleted: false } known ? known : _changed = Task.WhenAny(_waiting.Arrived.Next, _bell.Webhooks.Next);

    private IDatabase Database => _store.Connections.Background;

    public async ValueTask<IReadOnlyList<WebhookLane>> TakeDueAsync(CancellationToken cancellation)
    {
        if (!_store.IsOpen)
        {
            return [];
        }

        await LookAsync(cancellation);

        // What waits while its webhook is left alone is kept within its bound all the same.
        var found = await Task.WhenAll(_waiting.TakeDue(crowd: _bounds.MostOfLane / 4).Select(due => FindAsync(due.Partition, due.Webhook, cancellation)));
        return [.. found.OfType<WebhookLane>()];
    }

    public ValueTask<IReadOnlyList<WebhookTurn>> ReadAsync(WebhookLane lane, int most, long octets, DateTimeOffset? dueBefore, CancellationToken cancellation) =>
        _reader.ReadAsync(_store.Partitions[lane.Partition].Keys, WebhookDirectory.NameOf(lane.Webhook), most, octets, dueBefore, cancellation);

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
            await _bounds.TrimAsync(partition, lane.Webhook, count, cancellation);
            due = first is [var next, ..] ? DateTimeOffset.FromUnixTimeMilliseconds((long)next.Score) : null;
            if (due is null)
            {
                await _bounds.ForgetEmptyAsync(partition, name, cancellation);
            }
        }
        finally
        {
            _waiting.PutBack(lane.Partition, name, due, notBefore);
        }
    }

    public async ValueTask HurryAsync(EventWebhook webhook, CancellationToken cancellation)
    {
        var name = WebhookDirectory.NameOf(webhook);
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var partition in _store.Partitions.Where(p => p.IsServed && _waiting.Knows(p.Number, name)))
        {
            var key = partition.Keys.Hook(name);
            var later = await StoreFailure.TranslateAsync(
                Database.SortedSetRangeByScoreAsync(key, now, double.PositiveInfinity, Exclude.Start, take: Chunk, flags: StoreConnections.FromPrimary), cancellation);
            if (later.Length > 0)
            {
                await StoreFailure.TranslateAsync(
                    Database.SortedSetAddAsync(key, [.. later.Select(each => new SortedSetEntry(each, now))], SortedSetWhen.Exists), cancellation);
            }

            _waiting.Hurry(partition.Number, name);
        }
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
        foreach (var partition in _store.Partitions)
        {
            if (!partition.IsServed)
            {
                _looked.Remove(partition.Number);
                continue;
            }

            if (!all && _looked.TryGetValue(partition.Number, out var term) && term == partition.Term)
            {
                continue;
            }

            // One on a shard that is away is looked at when it is back, and keeps the others from nothing.
            var looked = partition.Term;
            if (!partition.IsAway(_time.GetTimestamp()) && await _trouble.TryAsync(() => LookAsync(partition, cancellation)))
            {
                _looked[partition.Number] = looked;
            }
            else
            {
                _looked.Remove(partition.Number);
            }
        }

        var reason = _trouble.Take();
        if (reason is not null && _looked.Count == 0)
        {
            throw new StoreUnavailableException(reason);
        }

        // Once: it is tried again with each look.
        if (reason is not null && !_isTold)
        {
            _logger.WebhookLanesUnread(reason);
        }

        _isTold = reason is not null;
    }

    private async Task LookAsync(Partition partition, CancellationToken cancellation)
    {
        var names = await StoreFailure.TranslateAsync(Database.SetMembersAsync(partition.Keys.Hooks, StoreConnections.FromPrimary), cancellation);
        _waiting.Found(partition.Number, names.Select(name => name.ToString()));
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

            await _bounds.ForgetAsync(owned, name, cancellation);
            _waiting.PutBack(partition, name, null, null);
        }
        catch (Exception e)
        {
            _waiting.PutBack(partition, name, _time.GetUtcNow() + Refused, null);
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
}
