using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Keys;
using Relay.Redis.Queue;

namespace Relay.Tests.Redis.Queue;

/// <summary>
/// The window beside a store that is a few dictionaries: whatever the window leases must stand in that store, be due, and be
/// leased to nobody, and nothing in it may be forgotten. Reads are begun and come back later, so that all else falls between.
/// </summary>
internal sealed class WindowModel
{
    public const int Partitions = 3;
    public const int Lanes = 6;
    public const int Gates = 3;

    private const int MaxUnits = 16;
    private const long MaxOctets = 4_000;
    private const double AccountShare = 0.5;

    // Time and ids are the same in each run, so that a seed that failed once fails again.
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly Window _window;
    private readonly Partition[] _partitions = [.. Enumerable.Range(0, Partitions).Select(n => new Partition(n, new PartitionKeys($"p{n}")))];
    private readonly Gate[] _gates = [.. Enumerable.Range(0, Gates).Select(_ => new Gate())];
    private readonly HashSet<Gate> _closed = [];
    private readonly Dictionary<UnitId, Stored> _store = [];
    private readonly Dictionary<(int Partition, Lane Lane), long> _bounds = [];
    private readonly List<Accept> _accepting = [];
    private readonly List<Lease> _leased = [];
    private readonly HashSet<UnitId> _orphans = [];
    private readonly List<Read> _reads = [];
    private SuspensionSnapshot _suspended = SuspensionSnapshot.None;
    private uint _made;

    public WindowModel()
    {
        _window = new Window(
            Options.Create(new StoreOptions { Queue = new QueueOptions { WindowUnits = MaxUnits, WindowBytes = MaxOctets, AccountShare = AccountShare } }), _time);
        foreach (var partition in _partitions)
        {
            Own(partition);
        }
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Lanes 0 to 3 are one account's, 4 and 5 another's; lanes share gates.</summary>
    public static Lane LaneOf(int number) => new($"d{number}.test", number < 4 ? "big" : "small", MessageClass.Transactional);

    /// <param name="isEarly">The write shows before its answer is seen.</param>
    public void BeginAccept(int lane, int partition, int delay, int octets, bool isEarly)
    {
        var name = LaneOf(lane);
        var message = TestMail.For(_time, name.Account, $"a@{name.Domain}") with
        {
            Id = IdIn(partition),
            Content = TestMail.ContentOf(new string('x', octets)),
        };
        var due = Now + delay;
        _window.BeginAccept(_partitions[partition], Unit.Of(message), due);
        _accepting.Add(new Accept(message, partition, due, isEarly));
        if (isEarly)
        {
            Put(Unit.Of(message)[0], message, partition, due);
        }
    }

    public void EndAccept(int which, bool written)
    {
        if (Pick(_accepting, which) is not { } accept)
        {
            return;
        }

        _accepting.Remove(accept);
        var units = Unit.Of(accept.Message);
        if (!written && !accept.IsEarly)
        {
            _window.AbandonAccept(units);
            return;
        }

        if (!accept.IsEarly)
        {
            Put(units[0], accept.Message, accept.Partition, accept.Due);
        }

        _window.EndAccept(_partitions[accept.Partition], accept.Message, units, accept.Due);
    }

    public void Take(int count)
    {
        var leases = _window.Take(new LeaseDemand(count, long.MaxValue, lane => GateOf(lane) is { } gate && _closed.Contains(gate) ? gate : null));
        foreach (var lease in leases)
        {
            var stored = Assert.Contains(lease.Id, _store);
            Assert.False(stored.IsLeased, $"{lease.Id} was leased twice");
            Assert.True(stored.Due <= Now, $"{lease.Id} was leased before it was due");
            Assert.Equal(stored.Attempts, lease.Attempts);
            Assert.True(_partitions[stored.Partition].IsOwned, $"{lease.Id} was leased in a partition of another");
            Assert.Null(_suspended.Find(lease.Unit.Lane, lease.Id.Message));
            Assert.False(GateOf(lease.Unit.Lane) is { } gate && _closed.Contains(gate), $"{lease.Id} went through a closed gate");
            _store[lease.Id] = stored with { IsLeased = true };
            _leased.Add(lease);
        }

        Assert.True(leases.Count <= count);
    }

    public void Settle(int which, int? delay)
    {
        if (Pick(_leased, which) is not { } lease)
        {
            return;
        }

        _leased.Remove(lease);
        if (_orphans.Remove(lease.Id))
        {
            // Fenced: nothing was written.
            _window.Settled(lease.Id, null);
        }
        else if (delay is { } later)
        {
            var stored = _store[lease.Id];
            Put(lease.Unit, lease.Message, stored.Partition, Now + later, stored.Attempts + 1);
            _window.Settled(lease.Id, Now + later);
        }
        else
        {
            _store.Remove(lease.Id);
            _window.Settled(lease.Id, null);
        }
    }

    public void Release(int which)
    {
        if (Pick(_leased, which) is { } lease && !_orphans.Contains(lease.Id))
        {
            _leased.Remove(lease);
            _store[lease.Id] = _store[lease.Id] with { IsLeased = false };
            _window.Release(lease);
        }
    }

    public void BeginReads()
    {
        foreach (var share in _window.TakeHungry(4).Shares)
        {
            var due = share.NextInStore;
            var count = _window.BeginRefill(share, 4);
            var entries = _store.Values
                .Where(s => s.Partition == share.Partition.Number && s.Unit.Lane == share.Turn.Lane)
                .OrderBy(s => s.Due).ThenBy(s => s.Unit.Id.ToString(), StringComparer.Ordinal)
                .Take(count)
                .ToList();
            _reads.Add(new Read(share, due, entries, entries.Count < count));
        }
    }

    public void EndRead(int which, bool fails)
    {
        if (Pick(_reads, which) is not { } read)
        {
            return;
        }

        _reads.Remove(read);
        if (fails)
        {
            _window.EndRefill(read.Share, read.Due);
            return;
        }

        foreach (var id in _window.Found(read.Share, [.. read.Entries.Select(s => (s.Unit.Id, s.Due))], read.IsComplete, 4))
        {
            // Read on its own, after the lane: gone by now, or as it is now.
            if (_store.TryGetValue(id, out var stored))
            {
                _window.TryLoad(read.Share, new Lease { Unit = stored.Unit, Message = stored.Message, State = StateOf(stored) });
            }
            else
            {
                _window.SetAside(id);
            }
        }

        _window.EndRefill(read.Share, null);
    }

    /// <summary>As the search does: from where the last look ended, so past whatever was given an earlier bound since.</summary>
    public void LookForLanes()
    {
        foreach (var partition in _partitions.Where(p => p.IsOwned))
        {
            var bounds = _bounds.Where(b => b.Key.Partition == partition.Number && b.Value >= partition.NextLook).OrderBy(b => b.Value).ToList();
            foreach (var ((_, lane), due) in bounds.TakeWhile(b => b.Value <= Now))
            {
                Assert.True(_window.TryDiscover(partition, lane, due));
            }

            partition.NextLook = bounds.Where(b => b.Value > Now).Select(b => b.Value).FirstOrDefault(LaneShare.Nothing);
        }
    }

    public void ForgetQuiet()
    {
        foreach (var share in _window.TakeQuiet(10))
        {
            var key = (share.Partition.Number, share.Turn.Lane);
            var waiting = _store.Values.Where(s => s.Partition == key.Number && s.Unit.Lane == key.Lane).ToList();
            var bound = waiting.Count == 0 ? LaneShare.Nothing : waiting.Min(s => s.Due);
            if (waiting.Count == 0)
            {
                _bounds.Remove(key);
            }
            else
            {
                _bounds[key] = bound;
            }

            _window.TryForget(share, bound);
        }
    }

    public void Lose(int number)
    {
        var partition = _partitions[number];
        partition.Lose();
        _window.Drop(partition);
        foreach (var lease in _leased.Where(l => _store[l.Id].Partition == number))
        {
            _orphans.Add(lease.Id);
            _store[lease.Id] = _store[lease.Id] with { IsLeased = false };
        }
    }

    public void Win(int number)
    {
        // An owner of ours before was fenced with what it had in flight before the partition can be ours again.
        while (_leased.FindIndex(l => _orphans.Contains(l.Id) && _store[l.Id].Partition == number) is >= 0 and var late)
        {
            Settle(late, null);
        }

        Own(_partitions[number]);
        LookForLanes();
    }

    /// <summary>The lease was not renewed in time, though nobody else has it.</summary>
    public void GoStale(int number) => _partitions[number].Renew(0);

    public void Renew()
    {
        foreach (var partition in _partitions.Where(p => p.IsOwned))
        {
            partition.Renew(long.MaxValue);
        }

        _window.Signal();
    }

    public void Close(int gate) => _closed.Add(_gates[gate]);

    public void Open(int gate)
    {
        _closed.Remove(_gates[gate]);
        _window.Open(_gates[gate]);
    }

    public void Suspend(int? lane)
    {
        _suspended = lane is { } number
            ? new SuspensionSnapshot([new Suspension { Id = "s", Selector = new QueueSelector { Domain = LaneOf(number).Domain }, Reason = "test", CreatedAt = _time.GetUtcNow(), By = "test" }])
            : SuspensionSnapshot.None;
        _window.Suspend(_suspended);
        Array.ForEach(_partitions, p => p.NextLook = 0);
        LookForLanes();
    }

    public void Advance(int milliseconds) => _time.Advance(TimeSpan.FromMilliseconds(milliseconds));

    public void CheckBounds()
    {
        var (_, waiting) = _window.Size;
        Assert.InRange(waiting, 0, MaxUnits);
    }

    /// <summary>With every obstacle gone, all that was accepted is leased and settled.</summary>
    public void Drain()
    {
        foreach (var partition in _partitions.Where(p => !p.IsOwned))
        {
            Win(partition.Number);
        }

        Suspend(null);
        for (var gate = 0; gate < Gates; gate++)
        {
            Open(gate);
        }

        while (_accepting.Count > 0)
        {
            EndAccept(0, written: true);
        }

        Renew();
        for (var round = 0; round < 400 && _store.Count > 0; round++)
        {
            Advance(500);
            LookForLanes();
            BeginReads();
            while (_reads.Count > 0)
            {
                EndRead(0, fails: false);
            }

            Take(100);
            while (_leased.Count > 0)
            {
                Settle(0, null);
            }

            CheckBounds();
        }

        Assert.Empty(_store);
    }

    private void Own(Partition partition)
    {
        partition.Take(default, default);
        partition.Renew(long.MaxValue);
    }

    private Gate? GateOf(Lane lane) => lane.Domain[1] - '0' is var number && number < 5 ? _gates[number % Gates] : null;

    private void Put(Unit unit, Message message, int partition, long due, int attempts = 0)
    {
        _store[unit.Id] = new Stored(unit, message, partition, due, attempts, IsLeased: false);
        var key = (partition, unit.Lane);
        _bounds[key] = _bounds.TryGetValue(key, out var bound) ? Math.Min(bound, due) : due;
    }

    // In an order that is not that of their making, as with those made in the same millisecond.
    private MessageId IdIn(int partition) => MessageId.Parse($"{unchecked(++_made * 2_654_435_761):d24}{partition:d2}");

    private static UnitState? StateOf(Stored stored) =>
        stored.Attempts == 0 ? null : new UnitState { Attempts = stored.Attempts, Open = [new OpenRecipient(0, "later")] };

    private static T? Pick<T>(List<T> from, int which) => from.Count == 0 ? default : from[which % from.Count];

    private sealed record Stored(Unit Unit, Message Message, int Partition, long Due, int Attempts, bool IsLeased);

    private sealed record Accept(Message Message, int Partition, long Due, bool IsEarly);

    private sealed record Read(LaneShare Share, long Due, List<Stored> Entries, bool IsComplete);
}
