using System.Net;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
using Relay.Delivery.Routing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Delivery.Sources;

/// <summary>Which pool a message leaves from. Its way becomes one of its own by that: what leaves from different pools shares no connection.</summary>
internal sealed class SourcePools
{
    private readonly (PoolOptions Rule, SourcePool Pool)[] _pools;
    private readonly ConditionalWeakTable<RoutePlan, RoutePlan[]> _plans = [];

    public SourcePools(IOptions<DeliveryOptions> options) => _pools = [.. options.Value.Pools.Select(rule => (rule, PoolOf(rule)))];

    /// <summary>The way for mail of this lane; the plan itself where no pool is for it.</summary>
    public RoutePlan PlanFor(RoutePlan plan, Lane lane)
    {
        for (var i = 0; i < _pools.Length; i++)
        {
            if (Fits(_pools[i].Rule, lane))
            {
                return PlansOf(plan)[i];
            }
        }

        return plan;
    }

    /// <summary>The plan and its ways from each pool.</summary>
    public IEnumerable<RoutePlan> AllOf(RoutePlan plan) => _pools.Length == 0 ? [plan] : [plan, .. PlansOf(plan)];

    // What is passed on, and reports, leave from where single mails do, unless a pool of their own stands before.
    private static bool Fits(PoolOptions rule, Lane lane) =>
        (rule.Class is not { } @class || @class == lane.Class || (@class == MessageClass.Transactional && lane.Class == MessageClass.Inbound)) && (rule.Accounts.Length == 0 || rule.Accounts.Contains(lane.Account));

    // A plan lives as long as the answers it was made of: its ways are made once.
    private RoutePlan[] PlansOf(RoutePlan plan) =>
        _plans.GetValue(plan, p => [.. _pools.Select(pool => p with { Key = $"{p.Key}|{pool.Pool.Name}", Pool = pool.Pool })]);

    private static SourcePool PoolOf(PoolOptions rule) => new(rule.Name, [.. rule.Addresses.Select(a => new SourceAddress(IPAddress.Parse(a.Address), a.HostName, a.Weight)
    {
        WarmUpFrom = a.WarmUpFrom,
        WarmUp = a.WarmUp is { Length: > 0 } days ? days : PoolAddressOptions.DefaultWarmUp,
    })]);
}
