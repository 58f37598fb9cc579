using Relay.Delivery.Routing;
using Relay.Delivery.Scheduling;
using Relay.Delivery.Sending;

namespace Relay.Delivery.Providers;

/// <summary>The providers of the sites that are known now, each under the rule for its exchangers or, where there is none, by itself.</summary>
internal sealed class ProviderDirectory : IDisposable
{
    // The first rest is over when the breaker of a host is; the next are twice as long each, but a site that is back should be
    // noticed within a quarter of an hour. No message waits longer for it than its own delays would make it.
    private const int Doublings = 5;
    private static readonly TimeSpan FirstRest = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestRest = TimeSpan.FromMinutes(15);

    private readonly ProviderTable _table;
    private readonly NodeShares _shares;
    private readonly RetrySchedule _schedule;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Provider> _shared = new(StringComparer.Ordinal);
    private readonly HashSet<Provider> _alone = [];

    public ProviderDirectory(ProviderTable table, NodeShares shares, RetrySchedule schedule, TimeProvider time)
    {
        (_table, _shares, _schedule, _time) = (table, shares, schedule, time);
        _table.Changed += Reread;
    }

    /// <summary>The rules are others now, and their limits in force; sites may belong elsewhere.</summary>
    public event Action? Changed;

    /// <summary>All that are known.</summary>
    public IReadOnlyList<Provider> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _shared.Values, .. _alone];
            }
        }
    }

    /// <summary>The standing of a site that was not known.</summary>
    public Standing Join(RoutePlan plan)
    {
        Provider provider;
        lock (_lock)
        {
            provider = ProviderOf(plan, _table.Find(plan));
        }

        var standing = new Standing(plan, provider, _time, RestAfter);
        provider.Join(standing);
        return standing;
    }

    /// <summary>Whether the rules in force would still put the site where it is.</summary>
    public bool IsRight(Standing site) => site.Provider.Name == (_table.Find(site.Plan)?.Name ?? site.Plan.Key);

    /// <summary>The site is not known any more.</summary>
    public void Leave(Standing site)
    {
        site.Provider.Leave(site);
        lock (_lock)
        {
            // A shared one keeps what it has learned; there are no more of them than rules.
            if (_alone.Remove(site.Provider))
            {
                site.Provider.Dispose();
            }
        }
    }

    public void Dispose()
    {
        _table.Changed -= Reread;
        foreach (var provider in All)
        {
            provider.Dispose();
        }
    }

    private Provider ProviderOf(RoutePlan plan, ProviderRule? rule)
    {
        if (rule is not null && _shared.TryGetValue(rule.Name, out var known))
        {
            return known;
        }

        var provider = new Provider(rule?.Name ?? plan.Key, rule is not null, _table.CeilingsOf(rule), _shares, _time, RestAfter) { Title = rule?.Name ?? plan.Title };
        if (rule is not null)
        {
            _shared[rule.Name] = provider;
        }
        else
        {
            _alone.Add(provider);
        }

        return provider;
    }

    private void Reread()
    {
        foreach (var provider in All)
        {
            if (provider.IsShared)
            {
                provider.Set(_table.CeilingsOf(_table.FindByName(provider.Name)));
            }
        }
    
        Changed?.Invoke();
    }

    private TimeSpan RestAfter(int rests)
    {
        var doubled = FirstRest * (1 << Math.Min(rests - 1, Doublings));
        return new[] { doubled, LongestRest, _schedule.DelayAfter(rests) }.Min();
    }
}
