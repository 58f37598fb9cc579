using Microsoft.Extensions.Options;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// Bounds what is leased and not yet settled, in units and in octets. A share is a part of what is still free, not of the
/// whole: however many slow sites there are, each new one takes less, and something is always left for the others.
/// </summary>
internal sealed class DeliveryWindow(IOptions<DeliveryOptions> options)
{
    // So many units have to come back before the queue is asked again for what did not fit: to ask at each would cost more
    // than it brings.
    private const int FewestReturned = 16;

    // An account over its share still gets this part of what is free at each site, so that its mail to hosts that work does
    // not wait behind its mail to hosts that do not.
    private const int LittlePart = 16;

    private readonly WindowOptions _limits = options.Value.Window;
    private readonly int _siteLimit = options.Value.ConnectionsPerSite * options.Value.Window.UnitsPerConnection;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _accounts = new(StringComparer.Ordinal);
    private int _units;
    private long _bytes;
    private TaskCompletionSource? _room;
    private TaskCompletionSource? _empty;
    private CancellationTokenSource? _look;
    private int _refusedAt;
    private int _returned;

    public int Held => Volatile.Read(ref _units);

    public int FreeUnits => Math.Max(0, _limits.Units - Volatile.Read(ref _units));

    public long FreeBytes => Math.Max(0, _limits.Bytes - Interlocked.Read(ref _bytes));

    /// <summary>Whether one more unit of this account fits, at a site that holds so many already.</summary>
    public bool HasRoom(string account, int heldBySite)
    {
        var free = FreeUnits;
        lock (_lock)
        {
            var fits = free > 0 && FreeBytes > 0
                && heldBySite < Math.Min(_siteLimit, Math.Max(1, free / 2))
                && (_accounts.GetValueOrDefault(account) < free || heldBySite < free / LittlePart);
            if (!fits)
            {
                var enough = Math.Max(FewestReturned, heldBySite / 4);
                _refusedAt = _refusedAt == 0 ? enough : Math.Min(_refusedAt, enough);
            }

            return fits;
        }
    }

    /// <summary>A token that ends when what <see cref="HasRoom"/> refuses from now on may have room: then the queue is asked again.</summary>
    public CancellationToken WatchForRoom()
    {
        lock (_lock)
        {
            _refusedAt = 0;
            _returned = 0;
            _look = new CancellationTokenSource();
            return _look.Token;
        }
    }

    /// <summary>Ends the current watch.</summary>
    public void EndWatch()
    {
        CancellationTokenSource? look;
        lock (_lock)
        {
            look = _look;
        }

        look?.Cancel();
    }

    public void Take(HeldLease held)
    {
        var account = held.Lease.Message.Account;
        lock (_lock)
        {
            _units++;
            _bytes += held.Bytes;
            _accounts[account] = _accounts.GetValueOrDefault(account) + 1;
        }
    }

    public void Return(HeldLease held)
    {
        var account = held.Lease.Message.Account;
        TaskCompletionSource? room;
        TaskCompletionSource? empty = null;
        CancellationTokenSource? look = null;
        held.Site?.Returned();
        lock (_lock)
        {
            _units--;
            _bytes -= held.Bytes;
            if (--_accounts[account] is var left && left == 0)
            {
                _accounts.Remove(account);
            }

            (room, _room) = (_room, null);
            if (_units == 0)
            {
                (empty, _empty) = (_empty, null);
            }

            _returned++;
            if (_refusedAt > 0 && (_returned >= _refusedAt || _units < _refusedAt))
            {
                (look, _look) = (_look, null);
                _refusedAt = 0;
            }
        }

        room?.SetResult();
        empty?.SetResult();

        // Elsewhere: the pump goes on from here, and a courier must not lease for it.
        _ = look?.CancelAsync();
    }

    public Task WaitForRoomAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            return _units < _limits.Units && _bytes < _limits.Bytes ? Task.CompletedTask : Signal(ref _room).WaitAsync(cancellation);
        }
    }

    /// <summary>Waits until everything taken was returned.</summary>
    public Task WaitUntilEmptyAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            return _units == 0 ? Task.CompletedTask : Signal(ref _empty).WaitAsync(cancellation);
        }
    }

    private static Task Signal(ref TaskCompletionSource? signal) =>
        (signal ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
}
