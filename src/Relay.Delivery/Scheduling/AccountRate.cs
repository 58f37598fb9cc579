using Relay.Delivery.Providers;
using Relay.Mail.Queue;
using Relay.Mail.Sites;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// What one account may send from this node. Where several deliver, a quarter of the rate is parted evenly, so that whoever
/// sends little costs the store nothing; the rest goes by what each has to send, and is asked for. An account whose mail all
/// waits on one node has nearly all of its rate there. Nobody is given what another still has, so that all together never
/// exceed it.
/// </summary>
internal sealed class AccountRate : IShared, IDisposable
{
    // What is asked for is parted into so many: fine enough that a node with a trickle takes little from one with a heap.
    private const int Parts = 64;

    // Of all.
    private const double Unasked = 0.25;

    private readonly DeliveryWindow _window;
    private readonly NodeShares _shares;
    private readonly TimeProvider _time;
    private readonly NodePart _part;
    private readonly Alarm _alarm;
    private readonly Gate _gate = new();
    private readonly Lock _lock = new();
    private readonly RateMeter _meter = new();
    private Ceilings _all;
    private bool _waits;
    private int _taken;
    private int _demand;
    private DateTimeOffset _asked;

    public AccountRate(string account, Rate rate, DeliveryWindow window, NodeShares shares, TimeProvider time)
    {
        Name = $"account:{account}";
        (_window, _shares, _time) = (window, shares, time);
        _part = new NodePart(shares, time);
        _all = CeilingsOf(rate);
        _asked = time.GetUtcNow();
        _alarm = new Alarm(time, Over);
    }

    public string Name { get; }

    /// <summary>Nothing would be lost with it: it has all that it may have saved up, and no part of what others could use.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_lock)
            {
                return !_waits && _demand == 0 && _meter.IsFull(_time.GetUtcNow());
            }
        }
    }

    /// <summary>What the next message has to wait for; null when it may go, and then it counts.</summary>
    public Gate? ClosedGate(Rate rate)
    {
        bool asks;
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            if (MeterHoldingLock(rate, now).TryTake(now))
            {
                _taken++;
                return null;
            }

            // Not to wait for the next beat, the first time.
            asks = !_waits && _part.IsShared && _part.IsUnanswered;
            _waits = true;
            _alarm.Set(_meter.Wait(now));
        }

        if (asks)
        {
            _shares.Ask(this);
        }

        return _gate;
    }

    /// <summary>The next message has to wait.</summary>
    public bool IsSpent(Rate rate)
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            return MeterHoldingLock(rate, now).Wait(now) > TimeSpan.Zero;
        }
    }

    public ShareWish? Wish()
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();

            // By what it sent since it asked last; who sent nothing lets go step by step, since the next may come at once.
            _demand = _waits ? Parts : Math.Max(PartsOf(_taken, now - _asked), _demand / 2);
            (_taken, _asked) = (0, now);
            return _part.Wish(_all, _demand, inUse: 0);
        }
    }

    public void Take(ConnectionShare share)
    {
        lock (_lock)
        {
            _part.Take(share, isWanted: _waits);
        }

        LookAgain();
    }

    /// <summary>There may be a quicker turn by now than the one that is waited for.</summary>
    public void LookAgain()
    {
        lock (_lock)
        {
            if (!_waits || OwnHoldingLock() == _meter.Rate)
            {
                return;
            }
        }

        Open();
    }

    /// <summary>Whoever waits is asked anew.</summary>
    public void Open() => _window.Open(_gate);

    public void Dispose() => _alarm.Dispose();

    // Whoever still waits is asked again below and sets the mark anew; mail that was cancelled meanwhile does not, and wants no part.
    private void Over()
    {
        lock (_lock)
        {
            _alarm.Stopped();
            _waits = false;
        }

        Open();
    }

    private RateMeter MeterHoldingLock(Rate rate, DateTimeOffset now)
    {
        _all = _all.Rate == rate ? _all : CeilingsOf(rate);
        if (OwnHoldingLock() is var own && own != _meter.Rate)
        {
            _meter.Set(own, now);
        }

        return _meter;
    }

    private Rate? OwnHoldingLock() => _all.Rate is { } all && _part.IsShared
        ? all with { Time = all.Time / ((Unasked / _shares.Nodes) + ((1 - Unasked) * _part.Part)) }
        : _all.Rate;

    // How many of the shared parts it takes to send so many messages in that time, beyond what each node has without asking.
    private int PartsOf(int messages, TimeSpan time)
    {
        var used = time > TimeSpan.Zero ? messages / (time / _all.Rate!.Value.Time * _all.Rate.Value.Messages) : 0;
        return (int)Math.Clamp(Math.Ceiling(Parts * (used - (Unasked / _shares.Nodes)) / (1 - Unasked)), 0, Parts);
    }

    // The nodes share connections to receivers by the same rules; here the "connections" are parts of the rate.
    private static Ceilings CeilingsOf(Rate rate) => new(Parts, 1, rate);
}
