using Relay.Delivery.Connections;
using Relay.Delivery.Routing;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>One recipient domain: what routing found, for as long as it holds, and the units that wait to hear it.</summary>
internal sealed class Destination(string domain)
{
    private readonly Lock _lock = new();
    private List<HeldLease> _waiting = [];
    private bool _asking;
    private volatile Routed? _routed;

    public string Domain { get; } = domain;

    /// <summary>What was found last; null before the first time.</summary>
    public Routed? Routed => _routed;

    /// <summary>What is held here and has not gone on to a site.</summary>
    public Stock Stock { get; } = new();

    /// <summary>What this machine lacks to find the way, while that is waited for; null where it lacks nothing.</summary>
    public OwnLack? Lack { get; set; }

    /// <summary>Nothing waits, so it can be forgotten and found again.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_lock)
            {
                return !_asking && _waiting.Count == 0;
            }
        }
    }

    /// <summary>The way, where it is known; else keeps the unit, and says whether the caller has to ask.</summary>
    public Routed? Take(HeldLease held, DateTimeOffset now, out bool ask)
    {
        lock (_lock)
        {
            ask = false;
            if (!_asking && _routed is { } routed && routed.Until > now)
            {
                return routed;
            }

            _waiting.Add(held);
            ask = !_asking;
            _asking = true;
            return null;
        }
    }

    /// <summary>Remembers the way and hands over who waited for it.</summary>
    public List<HeldLease> Learn(Routed routed)
    {
        lock (_lock)
        {
            _routed = routed;
            return Release();
        }
    }

    /// <summary>Forgets the way, so that it is asked for anew, and returns it. One that is being asked for is new enough.</summary>
    public Routed? ForgetWay()
    {
        lock (_lock)
        {
            var known = _routed;
            _routed = null;
            return known;
        }
    }

    /// <summary>Hands over those who wait and pass.</summary>
    public List<HeldLease> TakeBack(Func<Lease, bool> which)
    {
        lock (_lock)
        {
            var back = _waiting.FindAll(held => which(held.Lease));
            _waiting.RemoveAll(back.Contains);
            return back;
        }
    }

    /// <summary>Hands over who waits.</summary>
    public List<HeldLease> Release()
    {
        lock (_lock)
        {
            _asking = false;
            (var waiting, _waiting) = (_waiting, []);
            return waiting;
        }
    }
}
