using Microsoft.Extensions.Options;
using Relay.Delivery.Providers;
using Relay.Delivery.Routing;
using Relay.Delivery.Sending;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>The sites that have work or connections now, and how those that had some lately have answered.</summary>
internal sealed class SiteDirectory(
    CourierOffice office, DeliveryWindow window, ProviderDirectory providers, IOptions<DeliveryOptions> options)
{
    // Standings beyond so many are looked through for those that can be forgotten, and again when there are twice as many.
    private const int FewStandings = 1_024;

    private readonly int _unitsPerConnection = options.Value.Window.UnitsPerConnection;
    private readonly Dictionary<string, Standing> _standings = new(StringComparer.Ordinal);
    private int _lookThroughAt = FewStandings;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Site> _sites = new(StringComparer.Ordinal);
    private TaskCompletionSource? _empty;
    private bool _stopping;

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _sites.Count;
            }
        }
    }

    /// <summary>Gives a unit to its site; false when we are stopping.</summary>
    public bool TryAdd(RoutePlan plan, HeldLease held)
    {
        while (true)
        {
            Site? site;
            lock (_lock)
            {
                if (_stopping)
                {
                    return false;
                }

                if (!_sites.TryGetValue(plan.Key, out site))
                {
                    _sites[plan.Key] = site = office.NewSite(plan, StandingHoldingLock(plan), Remove);
                }
            }

            // Before it can be sent and settled.
            window.Move(held, site.Standing.Stock);
            if (site.TryAdd(held))
            {
                return true;
            }

            // It went this moment and is about to say so.
            Remove(site);
        }
    }

    /// <summary>What one more unit for a site has to wait for; null when there is room for it.</summary>
    public Gate? ClosedGate(string account, RoutePlan plan)
    {
        Standing standing;
        lock (_lock)
        {
            standing = StandingHoldingLock(plan);
        }

        return window.ClosedGate(account, standing.Stock, RoomOf(standing), standing.IsGood);
    }

    /// <summary>The same, asked out of curiosity, of a site that is not left alone.</summary>
    public bool HasRoomFor(string account, RoutePlan plan)
    {
        lock (_lock)
        {
            return !_standings.TryGetValue(plan.Key, out var standing)
                || window.Fits(account, standing.Stock, RoomOf(standing), standing.IsGood);
        }
    }

    /// <summary>Why the site is left alone; null when it is not.</summary>
    public Excuse? ExcuseFor(RoutePlan plan)
    {
        lock (_lock)
        {
            return _standings.TryGetValue(plan.Key, out var standing) ? standing.Excuse() : null;
        }
    }

    /// <summary>Hands back what passes and waits for a courier.</summary>
    public List<HeldLease> TakeBack(Func<Lease, bool> which)
    {
        Site[] sites;
        lock (_lock)
        {
            sites = [.. _sites.Values];
        }

        return [.. sites.SelectMany(s => s.TakeBack(which))];
    }

    /// <summary>The hosts of this plan may be better than they were.</summary>
    public void TryAgain(RoutePlan plan)
    {
        Standing? standing;
        lock (_lock)
        {
            _standings.TryGetValue(plan.Key, out standing);
        }

        standing?.TryAgain();
        window.Open(standing?.Stock.Gate);
    }

    /// <summary>Stops all sites and hands back what has not begun.</summary>
    public List<HeldLease> Stop()
    {
        Site[] sites;
        lock (_lock)
        {
            _stopping = true;
            sites = [.. _sites.Values];
        }

        return [.. sites.SelectMany(s => s.Stop())];
    }

    /// <summary>Waits until every courier has left.</summary>
    public Task WaitUntilEmptyAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            _empty ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _sites.Count == 0 ? Task.CompletedTask : _empty.Task.WaitAsync(cancellation);
        }
    }

    private Standing StandingHoldingLock(RoutePlan plan)
    {
        if (_standings.TryGetValue(plan.Key, out var standing))
        {
            return standing;
        }

        if (_standings.Count >= _lookThroughAt)
        {
            foreach (var (key, known) in _standings)
            {
                if (known.IsForgettable && !_sites.ContainsKey(key))
                {
                    _standings.Remove(key);
                    providers.Leave(known);
                }
            }

            _lookThroughAt = Math.Max(FewStandings, _standings.Count * 2);
        }

        return _standings[plan.Key] = providers.Join(plan);
    }

    private Room RoomOf(Standing standing)
    {
        var most = standing.Provider.Ceilings.Connections;
        return new Room(standing.Most(most, most * _unitsPerConnection), standing.Provider.IsProbing ? 1 : most * _unitsPerConnection);
    }

    private void Remove(Site site)
    {
        lock (_lock)
        {
            if (_sites.TryGetValue(site.Plan.Key, out var known) && known == site)
            {
                _sites.Remove(site.Plan.Key);
            }

            if (_sites.Count == 0)
            {
                _empty?.TrySetResult();
            }
        }
    }
}
