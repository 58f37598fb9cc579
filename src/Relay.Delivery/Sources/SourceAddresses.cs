using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Relay.Delivery.Routing;

namespace Relay.Delivery.Sources;

/// <summary>From which of our addresses a connection is made: one of the pool that its mail leaves from, else one of those that all share.</summary>
internal sealed class SourceAddresses(IOptions<DeliveryOptions> options, TimeProvider time)
{
    private readonly SourcePool _shared = new("", [.. options.Value.SourceAddresses.Select(a => new SourceAddress(IPAddress.Parse(a)))]);

    /// <summary>Null leaves it to the system; where mail has a pool, there is no other way than from the pool.</summary>
    public SourceAddress? For(RoutePlan plan, AddressFamily family) =>
        (plan.Pool ?? _shared).Choose(plan.Key, family, DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime), Random.Shared.NextDouble());
}
