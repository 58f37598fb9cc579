using Relay.Delivery.Routing;
using Relay.Delivery.Sending;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>The sites that have work or connections now.</summary>
internal sealed class SiteDirectory(CourierOffice office, DeliveryWindow window)
{
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
                    _sites[plan.Key] = site = office.NewSite(plan, Remove);
                }
            }

            // Before it can be sent and settled.
            window.Move(held, site.Stock);
            if (site.TryAdd(held))
            {
                return true;
            }

            // It went this moment and is about to say so.
            Remove(site);
        }
    }

    /// <summary>What is held for a site; null when there is none now.</summary>
    public Stock? StockOf(RoutePlan plan)
    {
        lock (_lock)
        {
            return _sites.TryGetValue(plan.Key, out var site) ? site.Stock : null;
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
        lock (_lock)
        {
            if (_sites.TryGetValue(plan.Key, out var site))
            {
                site.TryAgain();
            }
        }
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
