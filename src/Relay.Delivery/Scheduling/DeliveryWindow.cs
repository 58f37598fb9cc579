using Microsoft.Extensions.Options;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// Bounds what is leased and not yet settled, in units and in octets. A share is a part of what is still free, not of the
/// whole: however many slow sites there are, each new one takes less, and something is always left for the others.
/// </summary>
internal sealed class DeliveryWindow(IMailQueue queue, IOptions<DeliveryOptions> options, TimeProvider time)
{
    // An account over its share still gets this part of what is free at each site that answers, so that its mail to hosts that
    // work does not wait behind its mail to hosts that do not.
    private const int LittlePart = 16;

    // Such an account also gets one unit at each host that it has nothing for yet, as long as it holds no more than so many times
    // what is free: thousands of hosts that never answer would otherwise leave nothing to other accounts. The less is left, the
    // slower it is given out: given out at once, a host that does answer would have to wait until the first silent ones time out.
    private const int StrangersTimes = 3;

    private readonly WindowOptions _limits = options.Value.Window;
    private readonly TimeSpan _patience = options.Value.Timeouts.Connect;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Holder> _accounts = new(StringComparer.Ordinal);
    private int _units;
    private long _bytes;
    private int _asking;
    private TaskCompletionSource? _room;
    private TaskCompletionSource? _empty;

    public int Held => Volatile.Read(ref _units);

    public int FreeUnits => Math.Max(0, _limits.Units - Volatile.Read(ref _units));

    public long FreeBytes => Math.Max(0, _limits.Bytes - Interlocked.Read(ref _bytes));

    /// <summary>The queue is about to be asked for work: all that it gave before is held by now.</summary>
    public void BeginAsking() => _asking++;

    /// <summary>What one more unit of this account has to wait for; null when it fits, and then it is counted on.</summary>
    /// <param name="place">Where it goes.</param>
    /// <param name="room">What that place may hold, however much is free.</param>
    /// <param name="isGood">Its mail does leave.</param>
    public Gate? ClosedGate(string account, Stock place, Room room, bool isGood)
    {
        var holder = HolderOf(account);
        if (FullOne(holder?.Stock, place, room, isGood, out var left) is { } full)
        {
            return full.Gate;
        }

        // A silent host holds its unit until the connection times out. One unit in each of so many parts of that time: the first is
        // back when the last has gone out, so something is left at any time.
        if (left is { } places && !holder!.Pace.TryGo(_patience / places))
        {
            return holder.Stock.Gate;
        }

        holder?.Stock.Promise(_asking);
        place.Promise(_asking);
        place.Shared?.Promise(_asking);
        return null;
    }

    /// <summary>The same, asked out of curiosity: nothing is counted on.</summary>
    public bool Fits(string account, Stock place, Room room, bool isGood) =>
        HolderOf(account) is var holder && FullOne(holder?.Stock, place, room, isGood, out var left) is null && (left is null || holder!.Pace.MayGo);

    /// <summary>The same for a place that has nothing, and of which nothing is known.</summary>
    public bool FitsStranger(string account) => Fits(account, new Stock(), new Room(1), isGood: false);

    /// <param name="left">Units that this account may still send to strangers; null where it need not save.</param>
    private Stock? FullOne(Stock? account, Stock place, Room room, bool isGood, out int? left)
    {
        left = null;
        var free = Math.Max(1, FreeUnits);
        var part = Math.Max(1, free / 2);
        if (account?.Expected(_asking) is { } held && held >= free)
        {
            if (isGood && free >= LittlePart)
            {
                // It waits behind its own gate, which its own mail opens: behind the account's are all those that hold it up.
                part = free / LittlePart;
            }
            else if (place.Units > 0 || held >= free * StrangersTimes)
            {
                account.HasRoom(free, _asking);
                return account;
            }
            else
            {
                // How many more until held = StrangersTimes * free, as each adds one to what is held and takes one from what is free.
                left = Math.Max(1, ((free * StrangersTimes) - held) / (StrangersTimes + 1));
            }
        }

        return !place.HasRoom(Math.Min(room.Here, part), _asking) ? place
            : place.Shared is { } shared && !shared.HasRoom(Math.Min(room.Shared, part), _asking) ? shared
            : null;
    }

    private Holder? HolderOf(string account)
    {
        lock (_lock)
        {
            return _accounts.GetValueOrDefault(account);
        }
    }

    public void Take(HeldLease held)
    {
        var account = held.Lease.Message.Account;
        lock (_lock)
        {
            _units++;
            _bytes += held.Bytes;
            if (!_accounts.TryGetValue(account, out var holder))
            {
                var stock = new Stock();
                _accounts[account] = holder = new Holder(stock, new Pace(time, stock.Gate, Open));
            }

            holder.Stock.Add();
        }
    }

    /// <summary>The unit goes on to another place.</summary>
    public void Move(HeldLease held, Stock place)
    {
        place.Add();
        place.Shared?.Add();
        var left = held.Place;
        held.Place = place;
        Leave(left);
    }

    public void Return(HeldLease held)
    {
        var account = held.Lease.Message.Account;
        Gate? gate;
        TaskCompletionSource? room;
        TaskCompletionSource? empty = null;
        lock (_lock)
        {
            _units--;
            _bytes -= held.Bytes;
            var stock = _accounts[account].Stock;
            gate = stock.Remove();
            if (stock.Units == 0)
            {
                _accounts.Remove(account);
            }

            (room, _room) = (_room, null);
            if (_units == 0)
            {
                (empty, _empty) = (_empty, null);
            }
        }

        Open(gate);
        Leave(held.Place);
        room?.SetResult();
        empty?.SetResult();
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

    /// <summary>There may be room again behind the gate.</summary>
    public void Open(Gate? gate)
    {
        if (gate is not null)
        {
            queue.Open(gate);
        }
    }

    private void Leave(Stock? place)
    {
        Open(place?.Remove());
        Open(place?.Shared?.Remove());
    }

    /// <summary>What an account holds, and how fast more of it goes to strangers.</summary>
    private sealed record Holder(Stock Stock, Pace Pace);

    private static Task Signal(ref TaskCompletionSource? signal) =>
        (signal ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
}

/// <summary>How many units a place may hold, and how many all that it shares with.</summary>
internal readonly record struct Room(int Here, int Shared = int.MaxValue);
