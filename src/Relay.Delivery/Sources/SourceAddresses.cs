using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Relay.Delivery.Providers;
using Relay.Delivery.Routing;

namespace Relay.Delivery.Sources;

/// <summary>From which of our addresses a connection is made: one of the pool that its mail leaves from, else one of those that all share.</summary>
internal sealed class SourceAddresses(UnwantedSources unwanted, ProviderTable providers, IOptions<DeliveryOptions> options, TimeProvider time)
{
    private readonly SourcePool _shared = new("", [.. options.Value.SourceAddresses.Select(a => new SourceAddress(IPAddress.Parse(a)))]);

    /// <summary>
    /// One that the domain does not refuse, if there is any. Null leaves it to the system; where mail has a pool, there is no
    /// other way than from the pool.
    /// </summary>
    public SourceAddress? For(RoutePlan plan, string domain, AddressFamily family) => Choose(plan, domain, family, Random.Shared.NextDouble());

    /// <summary>Whether mail of the domain had better leave from another address than this one: the domain refuses it, and there is one that it does not.</summary>
    public bool IsUnwanted(RoutePlan plan, string domain, IPAddress? source) =>
        source is not null && IsRefused(plan, domain, source) && HasBetter(plan, domain, source.AddressFamily);

    /// <summary>The domain refuses this address. True when its mail leaves from another one from now on; false when it refuses all there are.</summary>
    public bool TryAvoid(RoutePlan plan, string domain, IPAddress? source)
    {
        if (source is null || !PoolOf(plan).Contains(source))
        {
            return false;
        }

        unwanted.Note(plan.Key, ProviderOf(plan), domain, source);
        return HasBetter(plan, domain, source.AddressFamily);
    }

    /// <summary>A domain has taken mail from this address: whoever refuses it speaks for himself.</summary>
    public void Took(RoutePlan plan, IPAddress? source)
    {
        // Asked for each message.
        if (unwanted.AreAny && source is not null)
        {
            unwanted.Took(ProviderOf(plan), source);
        }
    }

    private bool HasBetter(RoutePlan plan, string domain, AddressFamily family) =>
        Choose(plan, domain, family, lot: 1) is { } other && !IsRefused(plan, domain, other.Address);

    private bool IsRefused(RoutePlan plan, string domain, IPAddress address) =>
        unwanted.AreAny && unwanted.Contains(plan.Key, ProviderOf(plan), domain, address);

    private SourceAddress? Choose(RoutePlan plan, string domain, AddressFamily family, double lot) => PoolOf(plan).Choose(
        plan.Key, family, address => IsRefused(plan, domain, address), DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime), lot);

    private string ProviderOf(RoutePlan plan) => providers.Find(plan)?.Name ?? plan.Key;

    private SourcePool PoolOf(RoutePlan plan) => plan.Pool ?? _shared;
}
