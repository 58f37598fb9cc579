using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Durability;
using Relay.Redis.Nodes;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Keeps this node's share of the partitions. One without an owner is taken over (<see cref="TakeOverStep"/>). What the old owner
/// may still send is stopped by the lease: no dot leaves with less than two thirds of its life left, and nobody takes it over
/// before its end.
/// The lease is renewed by PEXPIRE, which works in a full store too, and is never a condition of a step, since each
/// renewal would abort it.
/// </summary>
internal sealed class Ownership
{
    // In a third of the lease's life dots may be sent, so two turns in a row have to fail before any is held back.
    private const int RenewalsPerLease = 6;
    private const int LiveParts = 3;

    // With nobody else there, an outcome can only come late from a node that has just gone.
    private const int TurnsPerLookAlone = 8;

    private readonly Store _store;
    private readonly Window _window;
    private readonly NodeRegistry _nodes;
    private readonly StoreIdentity _identity;
    private readonly Recovery _recovery;
    private readonly DotWriter _dots;
    private readonly Wakes _wakes;
    private readonly TimeSpan _lease;

    // How long a turn waits for a shard that says nothing, which the client gives longer.
    private readonly TimeSpan _patience;
    private readonly bool _isAlone;
    private readonly TimeProvider _time;
    private readonly ILogger<Ownership> _logger;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly ConcurrentDictionary<Partition, bool> _renewing = new();
    private TaskCompletionSource _nudged = NewSignal();
    private (int Nodes, int Share) _told;
    private bool _hasClaimed;
    private bool _hasNoted;
    private int _turns;
    private Task _settling = Task.CompletedTask;
    private Exception? _failure;

    public Ownership(
        Store store, Window window, NodeRegistry nodes, StoreIdentity identity, Recovery recovery, DotWriter dots, Wakes wakes, IOptions<StoreOptions> options, TimeProvider time,
        ILogger<Ownership> logger)
    {
        (_store, _window, _nodes, _identity, _recovery, _dots, _wakes, _time, _logger) = (store, window, nodes, identity, recovery, dots, wakes, time, logger);
        _lease = options.Value.Queue.Lease;
        _patience = _lease / RenewalsPerLease / 2;
        _isAlone = options.Value.IsEmbedded;
        wakes.SharesChanged += Nudge;
        store.Doubted += Nudge;
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var nudged = Volatile.Read(ref _nudged).Task;
            await nudged.WaitAsync(_lease / RenewalsPerLease, _time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
            await ClaimAsync();
        }
    }

    /// <summary>Looks at the shares at once.</summary>
    public void Nudge() => Interlocked.Exchange(ref _nudged, NewSignal()).TrySetResult();

    /// <summary>Renews what is ours, takes or gives up what is due to this node or to others; a failure is tried again at the next turn.</summary>
    public async Task ClaimAsync()
    {
        await _turn.WaitAsync();
        try
        {
            await Task.WhenAll(_store.Partitions.Where(p => p.IsOwned).Select(p => TryAsync(() => RenewOnceAsync(p).WaitAsync(_patience, _time))));
            _window.Signal();
            await _nodes.BeatAsync();
            await NoteDotsAsync();
            await RequireSameStoreAsync();
            await ShareAsync();
            await SettleKnownAsync();
        }
        catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
        {
            _failure ??= e;
        }
        finally
        {
            TellFailure();
            _turn.Release();
        }

        _window.Signal();
    }

    /// <summary>Gives everything back, so that a successor need not wait for the leases' end.</summary>
    public async Task ReleaseAsync()
    {
        await _nodes.LeaveAsync();
        await Task.WhenAll(_store.Partitions.Where(p => p.IsOwned).Select(GiveAsync));
        await _wakes.FlushAsync();
    }

    // What concerns one partition. On a cluster its shard may be away, and the others go on.
    private async Task TryAsync(Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
        {
            Interlocked.CompareExchange(ref _failure, e, null);
        }
    }

    private void TellFailure()
    {
        if (Interlocked.Exchange(ref _failure, null) is { } failure)
        {
            _logger.LeaseFailed(StoreFailure.Of(failure).Reason);
        }
    }

    // A full store takes no outcome that puts off, and the leases end meanwhile.
    private async Task SettleKnownAsync()
    {
        if (_settling.IsCompleted && (_nodes.HasPeers || _recovery.HasKnown || _turns++ % TurnsPerLookAlone == 0))
        {
            _settling = Task.WhenAll(_store.Partitions.Where(p => p.IsServed).Select(_recovery.SettleKnownAsync));
        }

        var settling = _settling;
        await settling.WaitAsync(_lease / RenewalsPerLease, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (settling.IsCompleted)
        {
            _settling = Task.CompletedTask;
            await settling;
        }
    }

    // Whoever moves the partitions says so and then looks for nodes; we are one by now, and look whether somebody does. So one
    // of the two sees the other, however long either stood still.
    private async Task RequireSameStoreAsync()
    {
        if (await _identity.LookAsync(_store.Connections.Background, _store.Partitions) is { } foreign)
        {
            throw new StoreUnavailableException(foreign);
        }
    }

    // As long as this node was alone nothing was noted. Before anything is shared with who has come.
    private async Task NoteDotsAsync()
    {
        if (_nodes.HasPeers && !_hasNoted)
        {
            await _dots.NoteUnderWayAsync();
        }

        _hasNoted = _nodes.HasPeers;
    }

    // One that was not answered in the turn before goes on still.
    private async Task RenewOnceAsync(Partition partition)
    {
        if (!_renewing.TryAdd(partition, true))
        {
            return;
        }

        try
        {
            await RenewAsync(partition);
        }
        finally
        {
            _renewing.TryRemove(partition, out _);
        }
    }

    private async Task RenewAsync(Partition partition)
    {
        var database = _store.Connections.Background;

        // Counted from before the question, so that we stop before the store lets anybody else in. First the renewal, then
        // the look: what is ours behind it was ours when it was renewed.
        var asked = _time.GetTimestamp();
        var (doubts, term) = (partition.Doubts, partition.Term);
        var (known, done) = (partition.Settled, partition.StepsDone);
        var renewed = database.KeyExpireAsync(partition.Keys.Lease, _lease);
        var found = await database.StringGetAsync([partition.Keys.Lease, partition.Keys.Settled], StoreConnections.FromPrimary).InTimeAsync();
        var owner = (string?)found[0];
        await renewed.InTimeAsync();
        if (IsOver(partition, term))
        {
            return;
        }

        var isOurs = owner == _store.Owner || (owner is null && await IsStillOursAsync(partition));
        if (IsOver(partition, term))
        {
            // The lease that it may have taken is found by the next turn.
            return;
        }

        if (!isOurs)
        {
            Lose(partition, owner);
            return;
        }

        var gaveBack = await FindGivenBackAsync(partition, term, known, done, Fence.Parse(found[1]));
        if (IsOver(partition, term))
        {
            return;
        }

        if (partition.EndDoubts(doubts) && _store.CanGoBack && !gaveBack)
        {
            // No settling step is missing, but an accept that was taken back may be there again: no fence tells of that.
            LookAnew(partition);
        }

        Renew(partition, asked);
    }

    // An answer may come so late that the partition was given away, and perhaps taken again.
    private static bool IsOver(Partition partition, long term) => !partition.IsOwned || partition.Term != term;

    // A store that lost its last moment holds units again that are settled for us, and nobody would look.
    private async Task<bool> FindGivenBackAsync(Partition partition, long term, Fence known, int done, Fence found)
    {
        if (!partition.HasGoneBack && !found.IsBefore(known))
        {
            partition.GoneBackTo = null;
            return false;
        }

        if (partition.GoneBackTo == (found, done))
        {
            return false;
        }

        try
        {
            // Not settled here: nothing leaves a full store before the partition is live again, for which this is waited.
            partition.HasGoneBack = false;
            await _recovery.RecallAsync(partition);
        }
        catch
        {
            partition.HasGoneBack = true;
            throw;
        }

        if (IsOver(partition, term))
        {
            return false;
        }

        partition.GoneBackTo = (found, done);
        _logger.StoreWentBack(partition.Number, known.ToString(), found.ToString());
        LookAnew(partition);
        return true;
    }

    private void LookAnew(Partition partition)
    {
        _window.Doubt(partition);
        partition.Look.FromTheStart();
        _window.WakeRefill();
    }

    // The lease has ended, and others may have come and gone since.
    private async Task<bool> IsStillOursAsync(Partition partition)
    {
        var database = _store.Connections.Background;
        return await TakeOverStep.TryLeaseAsync(database, partition.Keys, _store.Owner, _lease)
            && Fence.Parse(await database.StringGetAsync(partition.Keys.Settled, StoreConnections.FromPrimary).InTimeAsync()).Epoch == partition.Settled.Epoch;
    }

    private async Task ShareAsync()
    {
        var partitions = _store.Partitions;
        var share = _nodes.ShareOf(partitions.Count);
        TellShare(share);

        var database = _store.Connections.Background;
        var owners = new ConcurrentDictionary<Partition, string?>();
        await Task.WhenAll(partitions.Where(p => !p.IsOwned).Select(p => TryAsync(async () =>
            owners[p] = await database.StringGetAsync(p.Keys.Lease, StoreConnections.FromPrimary).InTimeAsync().WaitAsync(_patience, _time))));
        var free = new List<(Partition Partition, string? Owner)>();
        foreach (var (partition, owner) in owners.OrderBy(o => o.Key.Number))
        {
            if (owner is null || owner == _store.Owner || IsFormerSelf(owner))
            {
                free.Add((partition, owner));
            }
            else
            {
                await TryAsync(() => _recovery.HandOnAsync(partition));
            }
        }

        var staying = partitions.Where(p => p.IsServed).ToList();
        var due = Math.Max(0, share - staying.Count);
        await Task.WhenAll(free.Take(due).Select(f => TryAsync(() => TakeAsync(f.Partition, f.Owner))));

        // A renewal that came late may have taken the lease of one that was given away.
        await Task.WhenAll(free.Skip(due).Where(f => f.Owner == _store.Owner).Select(f => TryAsync(() => GiveLeaseAsync(f.Partition))));
        foreach (var surplus in staying.Skip(share))
        {
            surplus.Leave();
            _window.Drop(surplus);
            _ = HandOverAsync(surplus);
        }

        _hasClaimed = true;
        _store.HasClaimed = true;
    }

    private void TellShare(int share)
    {
        if (share > 0 && _told != (_nodes.DeliveringCount, share))
        {
            // Whoever has more than its share now is to see us at once.
            _told = (_nodes.DeliveringCount, share);
            _wakes.ChangeShares();
            if (_nodes.HasPeers || _hasClaimed)
            {
                _logger.SharesChanged(_nodes.DeliveringCount, share, _store.Partitions.Count);
            }
        }
    }

    // The lock of the data directory proves that it is gone. Only at the start: a copy of the directory would else take
    // from us what we take from it, for ever.
    private bool IsFormerSelf(string owner) => !_hasClaimed && owner.StartsWith(_store.NodeId, StringComparison.Ordinal);

    private async Task TakeAsync(Partition partition, string? holder)
    {
        var asked = _time.GetTimestamp();
        if (await TakeOverStep.TryAsync(_store.Connections.Background, partition.Keys, _store.Owner, holder, _lease) is not { } taken)
        {
            return;
        }

        // Behind the raised epoch nobody else changes its units, and before it is ours nobody here leases them.
        await _recovery.MarkAsync(partition, taken.Before);
        partition.Take(taken.Settled, taken.Projected);
        Renew(partition, asked);
        _window.WakeRefill();
        _logger.PartitionTaken(partition.Number, taken.Settled.Epoch);
    }

    /// <summary>Nothing new begins; what has begun may end, within bounds; then another node may have it.</summary>
    private async Task HandOverAsync(Partition partition)
    {
        try
        {
            // Most attempts take a second. The bounds keep all mail of the partition from waiting for one slow remote.
            await WaitForAttemptsAsync(partition);
            partition.CloseDots();
            if (!await WaitForAttemptsAsync(partition))
            {
                _logger.PartitionGivenEarly(partition.Number);
            }

            await _turn.WaitAsync();
            try
            {
                if (partition.IsOwned)
                {
                    await GiveAsync(partition);
                    _logger.PartitionGiven(partition.Number);
                }
            }
            finally
            {
                _turn.Release();
            }
        }
        catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
        {
            // Not ours any more, and its lease ends by itself.
            _logger.LeaseFailed(StoreFailure.Of(e).Reason);
        }
    }

    private async Task<bool> WaitForAttemptsAsync(Partition partition)
    {
        var over = partition.Attempts.WaitUntilOverAsync();
        await over.WaitAsync(_lease / LiveParts, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return over.IsCompleted;
    }

    private async Task GiveAsync(Partition partition)
    {
        partition.Lose();
        partition.Recent.Clear();
        _window.Drop(partition);
        await GiveLeaseAsync(partition);
    }

    private async Task GiveLeaseAsync(Partition partition)
    {
        var step = _store.Connections.Background.CreateTransaction();
        step.AddCondition(Condition.StringEqual(partition.Keys.Lease, _store.Owner));
        _ = step.KeyDeleteAsync(partition.Keys.Lease, CommandFlags.FireAndForget);
        await step.RunAsync();
        _wakes.ChangeShares();
    }

    // The embedded store is nobody else's, whatever time passes.
    private void Renew(Partition partition, long asked) =>
        partition.Renew(_isAlone ? long.MaxValue : asked + (long)(_lease.TotalSeconds / LiveParts * _time.TimestampFrequency));

    private void Lose(Partition partition, string? owner)
    {
        if (partition.IsOwned)
        {
            partition.Lose();
            _window.Drop(partition);
            _logger.PartitionLost(partition.Number, owner ?? "nobody");
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
