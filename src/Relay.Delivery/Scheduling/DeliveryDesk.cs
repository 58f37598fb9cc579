using Relay.Delivery.Connections;
using Relay.Delivery.Routing;
using Relay.Delivery.Sources;
using Relay.Delivery.TlsPolicies;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>What an administrator may ask of the delivery that runs here.</summary>
internal sealed class DeliveryDesk(
    Dispatcher dispatcher, SiteDirectory sites, SourcePools pools, UnwantedSources unwanted, BlockedDomains blocked, Resolver resolver, StsPolicies policies, HostBreakers breakers) : IDeliveryDesk
{
    public void GiveBack(Func<Lease, bool> which) => dispatcher.GiveBack(which);

    public void TryAgain(string domain)
    {
        // The way known until now, before it is forgotten: its hosts may be up again though their names lead elsewhere soon.
        if (dispatcher.ForgetWay(domain) is Routed.To(var plan))
        {
            foreach (var host in plan.Hosts)
            {
                breakers.Forget(host.Name);
                resolver.Forget(host.Name);
                resolver.Forget(DaneLookup.NameFor(host.Name, host.Port));
            }

            foreach (var way in pools.AllOf(plan))
            {
                sites.TryAgain(way);
            }
        }

        unwanted.Forget(domain);
        blocked.Forget(domain);
        resolver.Forget(domain);
        policies.Forget(domain);
        breakers.Forget(domain);
    }

    public string? WhyNotNow(Lane lane) => dispatcher.ExcuseFor(lane)?.Words ?? dispatcher.LackFor(lane) ?? dispatcher.RateExcuseFor(lane) ?? (dispatcher.HasRoomFor(lane)
        ? null
        : "as much mail as the relay keeps in hand for its hosts is under way before it");
}
