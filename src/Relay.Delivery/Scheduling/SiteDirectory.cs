using Microsoft.Extensions.Options;
using Relay.Delivery.Connections;
using Relay.Delivery.Providers;
using Relay.Delivery.Routing;
using Relay.Delivery.Sending;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>The sites that have work or connections now, and how those that had some lately have answered.</summary>
internal sealed class SiteDirectory : IDisposable
{
    // Standings beyond so many are looked through for those that can be forgotten, and again when there are twice as many.
    private const int FewStandings = 1_024;

    private readonly CourierOffice _office;
    private readonly DeliveryWindow _window;
    private readonly ProviderDirectory _providers;
    private readonly RestingSites _resting;
    private readonly int _unitsPerConnection;
    private readonly Dictionary<string, Standing> _standings = new(StringComparer.Ordinal);
    private int _lookThroughAt = FewStandings;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Site> _sites = new(StringComparer.Ordinal);

    // No mail comes to them any more; their couriers are about to leave.
    private readonly HashSet<Site> _ending = [];
    private TaskCompletionSource? _empty;
    private bool _stopping;

    public SiteDirectory(CourierOffice office, DeliveryWindow window, ProviderDirectory providers, RestingSites resting, IOptions<DeliveryOptions> options)
    {
        (_office, _window, _providers, _resting) = (office, window, providers, resting);
        _unitsPerConnection = options.Value.Window.UnitsPerConnection;
        _providers.Changed += MoveSites;
    }

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
                    _sites[plan.Key] = site = _office.NewSite(plan, StandingHoldingLock(plan), Remove);
                }
            }

            // Before it can be sent and settled.
            _window.Move(held, site.Standing.Stock);
            if (site.TryAdd(held))
            {
                return true;
            }

            // It came to its end between the look-up and now, and is about to leave the table itself: the next round makes another.
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

        // What comes to be told why it waits is gone again at once.
        return _window.ClosedGate(account, standing.Stock, RoomOf(standing), standing.IsGood || standing.IsResting);
    }

    /// <summary>The same, asked out of curiosity.</summary>
    public bool HasRoomFor(string account, RoutePlan plan)
    {
        lock (_lock)
        {
            return !_standings.TryGetValue(plan.Key, out var standing) ? _window.FitsStranger(account)
                : standing.IsResting ? standing.MayBeLookedAt
                : _window.Fits(account, standing.Stock, RoomOf(standing), standing.IsGood);
        }
    }

    /// <summary>Why the site is left alone; null when it is not.</summary>
    public Excuse? ExcuseFor(RoutePlan plan)
    {
        lock (_lock)
        {
            return StandingHoldingLock(plan).Excuse();
        }
    }

    /// <summary>What this machine lacks for another connection to the site alone; null where it lacks nothing.</summary>
    public OwnLack? LackFor(RoutePlan plan)
    {
        lock (_lock)
        {
            return _standings.GetValueOrDefault(plan.Key)?.Lack;
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
        _window.Open(standing?.Stock.Gate);
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
            return IsEmptyHoldingLock ? Task.CompletedTask : _empty.Task.WaitAsync(cancellation);
        }
    }

    public void Dispose() => _providers.Changed -= MoveSites;

    private bool IsEmptyHoldingLock => _sites.Count == 0 && _ending.Count == 0;

    // Sites that belong to another provider by the rules in force: their mail goes on there, and what is sent ends.
    private void MoveSites()
    {
        List<Standing> moved;
        List<Site> ending = [];
        lock (_lock)
        {
            moved = [.. _standings.Values.Where(standing => !_providers.IsRight(standing))];
            foreach (var standing in moved)
            {
                _standings.Remove(standing.Plan.Key);
                _providers.Leave(standing);
                if (_sites.Remove(standing.Plan.Key, out var site))
                {
                    _ending.Add(site);
                    ending.Add(site);
                }
            }
        }

        foreach (var held in ending.SelectMany(site => site.Stop().Select(held => (site.Plan, held))).ToList())
        {
            if (!TryAdd(held.Plan, held.held))
            {
                _office.Settler.Release(held.held);
            }
        }

        foreach (var standing in moved)
        {
            _window.Open(standing.Stock.Gate);
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
                    _providers.Leave(known);
                }
            }

            _lookThroughAt = Math.Max(FewStandings, _standings.Count * 2);
        }

        standing = _standings[plan.Key] = _providers.Join(plan);
        if (standing.IsResting)
        {
            // Its provider was left alone before this site was known, so nobody has put it among those that rest.
            _resting.Add(standing);
        }

        return standing;
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

            _ending.Remove(site);
            if (IsEmptyHoldingLock)
            {
                _empty?.TrySetResult();
            }
        }
    }
}
