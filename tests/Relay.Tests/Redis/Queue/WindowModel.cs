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

    // Half a second each: longer than any pause of the window, several times, for what can be in the store at the end.
    private const int Rounds = 400;

    private const int MaxUnits = 16;
    private const long MaxOctets = 4_000;
    private const double AccountShare = 0.5;

    // Time and ids are the same in each run, so that a seed that failed once fails again.
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly int _places;
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
    private readonly List<UnitId> _missing = [];
    private readonly List<Claim> _claims = [];
    private readonly List<News> _unheard = [];
    private SuspensionSnapshot _suspended = SuspensionSnapshot.None;
    private uint _made;
    private uint _guesses;

    // Lanes that became known since something was asked of the owner.
    private int _asked;

    /// <param name="places">Lanes that the window may know.</param>
    public WindowModel(int places = Lanes)
    {
        _places = places;
        var queue = new QueueOptions { WindowUnits = MaxUnits, WindowBytes = MaxOctets, AccountShare = AccountShare, WindowLanes = places };
        _window = new Window(Options.Create(new StoreOptions { Queue = queue }), _time);
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
        var message = NewMessage(LaneOf(lane), partition, octets);
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
        var leases = _window.Take(new LeaseDemand(count, long.MaxValue, lane => GateOf(lane) is { } gate && _closed.Contains(gate) ? gate : null)
        {
            // Whatever is guessed, nothing may depend on it.
            HasRoom = _ => _guesses++ % 3 != 0,
        });
        foreach (var lease in leases)
        {
            var stored = Assert.Contains(lease.Id, _store);
            Assert.False(stored.IsLeased, $"{lease.Id} was leased twice");
            Assert.True(stored.Due <= Now, $"{lease.Id} was leased before it was due");
            Assert.Equal(stored.Attempts, lease.Attempts);
            Assert.True(_partitions[stored.Partition].IsOwned, $"{lease.Id} was leased in a partition of another");
            Assert.False(_partitions[stored.Partition].IsAway(_time.GetTimestamp()), $"{lease.Id} was leased in a partition that is away");
            Assert.Null(_suspended.Find(lease.Unit.Lane, lease.Id.Message));
            Assert.False(GateOf(lease.Unit.Lane) is { } gate && _closed.Contains(gate), $"{lease.Id} went through a closed gate");
            Assert.DoesNotContain(_claims, claim => claim.IsHeld && claim.Id == lease.Id);
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

    /// <summary>Another node puts mail into a partition; its owner hears of it later.</summary>
    public void AcceptElsewhere(int lane, int partition, int delay)
    {
        var message = NewMessage(LaneOf(lane), partition, octets: 10);
        Put(Unit.Of(message)[0], message, partition, Now + delay);
        _unheard.Add(new News(partition, LaneOf(lane), Now + delay));
    }

    public void Hear(int which)
    {
        if (Pick(_unheard, which) is { } news)
        {
            _unheard.Remove(news);
            _window.Arrived(_partitions[news.Partition], news.Lane, news.Due);
        }
    }

    /// <summary>Something was asked of the owner that is to be done to a unit in the store.</summary>
    public void BeginClaim(int which)
    {
        if (Pick([.. _store.Values.Where(s => _partitions[s.Partition].IsServed)], which) is { } stored)
        {
            var known = _window.Lanes.Known;
            var taken = _window.Claim(_partitions[stored.Partition], [(stored.Unit.Id, stored.Unit.Lane, stored.Due)]).Count > 0;
            _asked += _window.Lanes.Known - known;
            Assert.False(taken && stored.IsLeased, $"{stored.Unit.Id} was claimed in flight");
            _claims.Add(new Claim(stored.Unit.Id, stored.Partition, taken));
        }
    }

    /// <param name="ends">The unit is cancelled or bounced, if it was there to be claimed.</param>
    public void EndClaim(int which, bool ends)
    {
        if (Pick(_claims, which) is not { } claim)
        {
            return;
        }

        _claims.Remove(claim);
        var isClaimedTwice = _claims.Any(other => other.Id == claim.Id);
        if (ends && claim.IsHeld && !isClaimedTwice && _store.Remove(claim.Id))
        {
            _window.Settled(claim.Id, null);
        }
        else if (!isClaimedTwice)
        {
            _window.Unclaim([claim.Id]);
        }
    }

    public void BeginReads()
    {
        foreach (var share in _window.TakeHungry(4).Shares)
        {
            var count = _window.BeginRefill(share, 4);
            var entries = _store.Values
                .Where(s => s.Partition == share.Partition.Number && s.Unit.Lane == share.Turn.Lane)
                .OrderBy(s => s.Due).ThenBy(s => s.Unit.Id.ToString(), StringComparer.Ordinal)
                .Take(count)
                .ToList();
            _reads.Add(new Read(share, entries, entries.Count < count));
        }
    }

    public void EndRead(int which, ReadEnd how)
    {
        if (Pick(_reads, which) is not { } read)
        {
            return;
        }

        _reads.Remove(read);
        if (how == ReadEnd.Fails)
        {
            _window.EndRefill(read.Share, failed: true);
            return;
        }

        var found = _window.Found(read.Share, [.. read.Entries.Select(s => (s.Unit.Id, s.Due))], read.IsComplete, 4);
        foreach (var id in found)
        {
            // Read on its own, after the lane: gone by now, or as it is now.
            if (how == ReadEnd.FailsHalfway && id == found[^1])
            {
                foreach (var one in found)
                {
                    _window.TryLookAgain(one);
                }
            }
            else if (how == ReadEnd.HidesOne && id == found[0])
            {
                _window.Hide(id);
                _missing.Add(id);
            }
            else if (_store.TryGetValue(id, out var stored))
            {
                _window.TryLoad(read.Share, new Lease { Unit = stored.Unit, Message = stored.Message, State = StateOf(stored) });
            }
            else
            {
                _window.SetAside(id);
            }
        }

        _window.EndRefill(read.Share, failed: how == ReadEnd.FailsHalfway);
    }

    /// <summary>A record that was missing may be there by now.</summary>
    public void LookAgain(int which)
    {
        if (_missing.Count > 0)
        {
            var id = Pick(_missing, which);
            _missing.Remove(id);
            _window.TryLookAgain(id);
        }
    }

    /// <summary>As <see cref="LaneSearch"/> does it: what was looked through before is not looked at again.</summary>
    public void LookForLanes()
    {
        foreach (var partition in _partitions.Where(p => p.IsServed && p.Look.Next <= Now))
        {
            var look = partition.Look;
            var from = look.Begin();
            _window.BeginLook(partition, from);
            var next = LaneShare.Nothing;
            foreach (var ((_, lane), due) in _bounds.Where(b => b.Key.Partition == partition.Number && b.Value >= from).OrderBy(b => b.Value).ToList())
            {
                if (due > Now)
                {
                    next = due;
                    break;
                }

                var name = lane.ToString();
                look.Looked(due, name, _window.Discover(partition, lane, due, look.MaySwap(due, name)));
            }

            look.End(next, Now);
        }
    }

    /// <summary>What was passed over for want of a place is looked for once more.</summary>
    public void LookAgain()
    {
        foreach (var partition in _partitions)
        {
            partition.Look.LookAgain(Now);
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

    /// <summary>Another node is to have it: nothing new begins.</summary>
    public void Leave(int number)
    {
        if (_partitions[number].IsOwned)
        {
            _partitions[number].Leave();
            _window.Drop(_partitions[number]);
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

        for (var i = 0; i < _claims.Count; i++)
        {
            _claims[i] = _claims[i].Partition == number ? _claims[i] with { IsHeld = false } : _claims[i];
        }
    }

    public void Win(int number)
    {
        if (_partitions[number].IsOwned)
        {
            return;
        }

        // An owner of ours before was fenced with what it had in flight before the partition can be ours again.
        while (_leased.FindIndex(l => _orphans.Contains(l.Id) && _store[l.Id].Partition == number) is >= 0 and var late)
        {
            Settle(late, null);
        }

        Own(_partitions[number]);
    }

    /// <summary>The lease was not renewed in time, though nobody else has it.</summary>
    public void GoStale(int number) => _partitions[number].Renew(0);

    public void Renew()
    {
        foreach (var partition in _partitions.Where(p => p.IsOwned))
        {
            Renew(partition);
        }

        _window.Signal();
    }

    public void Close(int gate) => _closed.Add(_gates[gate]);

    public void Open(int gate)
    {
        _closed.Remove(_gates[gate]);
        _window.Open(_gates[gate]);
    }

    public void Suspend(int? lane) =>
        Suspend(lane is { } number ? new QueueSelector { Domain = LaneOf(number).Domain } : null);

    public void SuspendMessage(int which)
    {
        if (Pick([.. _store.Values], which) is { } stored)
        {
            Suspend(new QueueSelector { Message = stored.Message.Id });
        }
    }

    public void Advance(int milliseconds) => _time.Advance(TimeSpan.FromMilliseconds(milliseconds));

    public void CheckBounds()
    {
        var (_, waiting, octets) = _window.Size;
        Assert.InRange(waiting, 0, MaxUnits);
        Assert.InRange(octets, 0, MaxOctets);

        // What is asked of the owner is done, whether there is a place or not.
        Assert.InRange(_window.Lanes.Known, 0, _places + _asked);
    }

    /// <summary>With every obstacle gone, all that was accepted is leased and settled.</summary>
    public void Drain()
    {
        foreach (var partition in _partitions)
        {
            if (!partition.IsServed)
            {
                Lose(partition.Number);
            }

            Win(partition.Number);
        }

        if (_suspended != SuspensionSnapshot.None)
        {
            Suspend(lane: null);
        }

        DrainAll(_claims, () => EndClaim(0, ends: false));
        DrainAll(_unheard, () => Hear(0));
        DrainAll(_missing, () => LookAgain(0));
        DrainAll(_accepting, () => EndAccept(0, written: true));
        DrainAll(_leased, () => Settle(0, null));
        Renew();
        for (var gate = 0; gate < Gates; gate++)
        {
            Open(gate);
        }

        // Opened by name, all gates let through what is there, without the time that would open them by itself.
        TakeAll();
        Assert.Equal(0, _window.Size.Waiting);

        for (var round = 0; round < Rounds && _store.Count > 0; round++)
        {
            Advance(500);
            LookAgain();
            ForgetQuiet();
            LookForLanes();
            BeginReads();
            DrainAll(_reads, () => EndRead(0, ReadEnd.Succeeds));
            TakeAll();
            CheckBounds();
        }

        Assert.Empty(_store);
    }

    private void TakeAll()
    {
        int before;
        do
        {
            before = _store.Count;
            Take(100);
            DrainAll(_leased, () => Settle(0, null));
        }
        while (_store.Count < before);
    }

    private static void DrainAll<T>(List<T> list, Action one)
    {
        while (list.Count > 0)
        {
            one();
        }
    }

    private void Suspend(QueueSelector? selector)
    {
        var wasSuspended = _suspended.Items.Count > 0;
        _suspended = selector is null
            ? SuspensionSnapshot.None
            : new SuspensionSnapshot([new Suspension { Id = "s", Selector = selector, Reason = "test", CreatedAt = _time.GetUtcNow(), By = "test" }]);
        _window.Suspend(_suspended);
        foreach (var partition in wasSuspended ? _partitions : [])
        {
            partition.Look.FromTheStart();
        }
    }

    private Message NewMessage(Lane lane, int partition, int octets) => TestMail.For(_time, lane.Account, $"a@{lane.Domain}") with
    {
        Id = IdIn(partition),
        Content = TestMail.ContentOf(new string('x', octets)),
    };

    private void Own(Partition partition)
    {
        partition.Take(default, default);
        Renew(partition);
    }

    private void Renew(Partition partition)
    {
        partition.Renew(long.MaxValue);
        _window.Returned(partition);
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

    private sealed record Read(LaneShare Share, List<Stored> Entries, bool IsComplete);

    /// <summary>Of mail that another node put into a lane.</summary>
    private sealed record News(int Partition, Lane Lane, long Due);

    /// <param name="IsHeld">It was not in flight; else it was to be claimed when it came back.</param>
    private sealed record Claim(UnitId Id, int Partition, bool IsHeld);
}

internal enum ReadEnd
{
    Succeeds,
    Fails,

    /// <summary>The lane was read, its records were not.</summary>
    FailsHalfway,

    /// <summary>A record is not there yet.</summary>
    HidesOne,
}
