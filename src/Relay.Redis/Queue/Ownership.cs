using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Durability;
using Relay.Redis.Nodes;
using Relay.Redis.Steps;

namespace Relay.Redis.Queue;

/// <summary>
/// Keeps this node's share of the partitions, turn by turn: renews what it has (<see cref="Renewals"/>), takes what is due to it
/// (<see cref="PartitionShares"/>) and hands over what others are to have. One without an owner is taken over
/// (<see cref="TakeOverStep"/>). What the old owner may still send is stopped by the lease: no dot leaves with less than two thirds
/// of its life left, and nobody takes it over before its end.
/// </summary>
internal sealed class Ownership
{
    // With nobody else there, an outcome can only come late from a node that has just gone.
    private const int TurnsPerLookAlone = 8;

    private readonly Store _store;
    private readonly Window _window;
    private readonly NodeRegistry _nodes;
    private readonly StoreIdentity _identity;
    private readonly Recovery _recovery;
    private readonly KnownAttempts _known;
    private readonly Renewals _renewals;
    private readonly PartitionShares _shares;
    private readonly DotWriter _dots;
    private readonly Wakes _wakes;
    private readonly TimeSpan _lease;
    private readonly TimeProvider _time;
    private readonly ILogger<Ownership> _logger;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Trouble _trouble = new();
    private TaskCompletionSource _nudged = NewSignal();
    private bool _hasNoted;
    private bool _isForeign;
    private long _renewedAt;
    private int _turns;
    private Task _settling = Task.CompletedTask;

    public Ownership(
        Store store, Window window, NodeRegistry nodes, StoreIdentity identity, Recovery recovery, KnownAttempts known, Renewals renewals, PartitionShares shares, DotWriter dots, Wakes wakes,
        IOptions<StoreOptions> options, TimeProvider time, ILogger<Ownership> logger)
    {
        (_store, _window, _nodes, _identity, _recovery, _known, _renewals, _shares, _dots, _wakes, _time, _logger) =
            (store, window, nodes, identity, recovery, known, renewals, shares, dots, wakes, time, logger);
        _lease = options.Value.Queue.Lease;
        wakes.SharesChanged += Nudge;
        store.Doubted += Nudge;
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var nudged = Volatile.Read(ref _nudged).Task;
            await nudged.WaitAsync(UntilRenewal, _time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
            await RenewAsync();
            await RenewUntilAsync(TakeTurnAsync());
        }
        finally
        {
            TellTrouble();
            _turn.Release();
        }

        _window.Signal();
    }

    /// <summary>Gives everything back, so that a successor need not wait for the leases' end.</summary>
    public async Task ReleaseAsync()
    {
        await _trouble.TryAsync(_nodes.LeaveAsync);
        await Task.WhenAll(_store.Partitions.Where(p => p.IsOwned).Select(p => _trouble.TryAsync(() => _shares.GiveAsync(p))));
        await _wakes.FlushAsync();
        TellTrouble();
    }

    private TimeSpan UntilRenewal => _renewals.Pause - _time.GetElapsedTime(_renewedAt) is { Ticks: > 0 } left ? left : TimeSpan.Zero;

    private Task RenewAsync()
    {
        _renewedAt = _time.GetTimestamp();
        return _renewals.RenewAllAsync(_trouble);
    }

    // What all nodes have in common may stand on a shard that says nothing, for which the client waits longer than a lease may go
    // unrenewed; what stands on the others does not wait for it.
    private async Task RenewUntilAsync(Task rest)
    {
        while (!rest.IsCompleted)
        {
            Task first = Task.WhenAny(rest, Volatile.Read(ref _nudged).Task);
            await first.WaitAsync(UntilRenewal, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!rest.IsCompleted)
            {
                await RenewAsync();
            }
        }

        await rest;
    }

    private async Task TakeTurnAsync()
    {
        var isListed = await _trouble.TryAsync(_nodes.BeatAsync);
        var isNoted = await _trouble.TryAsync(NoteDotsAsync);
        if (await _trouble.TryAsync(RequireSameStoreAsync) && isNoted)
        {
            await _trouble.TryAsync(() => ShareAsync(isListed));
        }

        if (!_isForeign)
        {
            await _trouble.TryAsync(SettleKnownAsync);
        }
    }

    private void TellTrouble()
    {
        if (_trouble.Take() is { } reason)
        {
            _logger.LeaseFailed(reason);
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

    // Whoever moves the partitions says so and then looks for nodes; we are one by now, and look whether somebody does. So one
    // of the two sees the other, however long either stood still.
    private async Task RequireSameStoreAsync()
    {
        var foreign = await _identity.LookAsync(_store.Connections.Background, _store.Partitions);
        _isForeign = foreign is not null;
        if (foreign is not null)
        {
            throw new StoreUnavailableException(foreign);
        }
    }

    private async Task ShareAsync(bool isListed)
    {
        foreach (var surplus in await _shares.TakeDueAsync(isListed, _trouble))
        {
            surplus.Leave();
            _window.Drop(surplus);
            _ = HandOverAsync(surplus);
        }
    }

    // A full store takes no outcome that puts off, and the leases end meanwhile. Only where the lease was renewed behind the last lost
    // connection: in a store that is another since then no unit would be found, and its outcome be forgotten.
    private async Task SettleKnownAsync()
    {
        var timestamp = _time.GetTimestamp();
        if (_settling.IsCompleted && (_nodes.HasPeers || _known.Any || _turns++ % TurnsPerLookAlone == 0))
        {
            _settling = Task.WhenAll(_store.Partitions.Where(p => p.IsServed && timestamp < p.LiveUntil).Select(_recovery.SettleKnownAsync));
        }

        var settling = _settling;
        await settling.WaitAsync(_renewals.Pause, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (settling.IsCompleted)
        {
            _settling = Task.CompletedTask;
            await settling;
        }
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
                    await _shares.GiveAsync(partition);
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
        await over.WaitAsync(_lease / Renewals.LiveParts, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return over.IsCompleted;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
