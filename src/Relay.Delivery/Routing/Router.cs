using Microsoft.Extensions.Options;
using Relay.Delivery.TlsPolicies;
using Relay.Mail;

namespace Relay.Delivery.Routing;

/// <summary>
/// Finds where mail of a domain goes (RFC 5321, 5.1): a literal to its address; a routed domain by its route; else to the
/// hosts of its MX; and to its own A or AAAA only where it has no MX at all. A null MX takes no mail (RFC 7505). What the
/// domain's MTA-STS policy says of these hosts goes with them.
/// </summary>
internal sealed class Router(RouteTable routes, Resolver resolver, StsPolicies sts, IOptions<DeliveryOptions> options, IOptions<RelayOptions> relay)
{
    public async ValueTask<Routed> RouteAsync(string domain, CancellationToken cancellation)
    {
        if (routes.Find(domain) is { } route)
        {
            return new Routed.To(route) { Until = DateTimeOffset.MaxValue };
        }

        if (domain[0] == '[')
        {
            return new Routed.To(PlanOf([new MxHost(AddressIn(domain), 0)])) { Until = DateTimeOffset.MaxValue };
        }

        var asked = sts.FindAsync(domain, cancellation).Preserve();
        var answer = await resolver.ExchangersAsync(domain, cancellation);
        return answer.Finding switch
        {
            DnsFinding.Found => Under(await asked, ToExchangers(domain, answer), answer.IsSecure),
            DnsFinding.NoRecord => Under(await asked, await ToDomainItselfAsync(domain, cancellation), answer.IsSecure),
            DnsFinding.NoSuchName => new Routed.Nowhere("5.1.2", answer.Words, DeliveryRules.NoSuchDomain) { Until = answer.Until },
            _ => Unknown(answer),
        };
    }

    // The policy decides who may be asked and what they have to prove, so it is a part of the way.
    private static Routed Under(DnsAnswer<StsFinding> policy, Routed routed, bool isSecure) => routed is Routed.To(var plan)
        ? new Routed.To(RoutePlan.ToExchangers(plan.Hosts, policy.Records[0].Policy is { Mode: not StsMode.None } binding ? binding : null, isSecure))
        {
            Until = policy.Until < routed.Until ? policy.Until : routed.Until,
        }
        : routed;

    private Routed ToExchangers(string domain, DnsAnswer<MxHost> answer)
    {
        if (answer.Records.All(mx => mx.Name.Length == 0))
        {
            return new Routed.Nowhere("5.1.10", $"{domain} does not take mail (null MX)", DeliveryRules.NullMx) { Until = answer.Until };
        }

        // A null MX beside others says nothing. Hosts as good as ourselves, or worse, would bring the mail back to us.
        var named = answer.Records.Where(mx => mx.Name.Length > 0).DistinctBy(mx => mx.Name).ToArray();
        var ourRank = named.Where(mx => mx.Name.Equals(relay.Value.HostName, StringComparison.OrdinalIgnoreCase))
            .Select(mx => (int?)mx.Preference).Min();
        MxHost[] better = ourRank is { } rank ? [.. named.Where(mx => mx.Preference < rank)] : named;
        return better.Length == 0
            ? new Routed.Nowhere("5.4.6", $"the best MX of {domain} is this relay itself", DeliveryRules.OwnAddress) { Until = answer.Until }
            : new Routed.To(PlanOf(better)) { Until = answer.Until };
    }

    // The implicit MX: the domain's own addresses, as if it were its own only exchanger.
    private async ValueTask<Routed> ToDomainItselfAsync(string domain, CancellationToken cancellation)
    {
        var answer = await resolver.AddressesAsync(domain, cancellation);
        return answer.Finding switch
        {
            DnsFinding.Found => new Routed.To(PlanOf([new MxHost(domain, 0)])) { Until = answer.Until },
            DnsFinding.Failed => Unknown(answer),
            _ => new Routed.Nowhere("5.1.2", $"{domain} has neither MX nor address", DeliveryRules.NoSuchDomain) { Until = answer.Until },
        };
    }

    private static Routed.Unknown Unknown<T>(DnsAnswer<T> answer) =>
        new(answer.Words, answer.Lack?.Rule ?? DeliveryRules.DnsFailure) { Until = answer.Until, Lack = answer.Lack };

    private RoutePlan PlanOf(IEnumerable<MxHost> hosts) =>
        RoutePlan.ToExchangers(hosts.Select(mx => new RouteHost(mx.Name, options.Value.Port, mx.Preference)));

    // [192.0.2.1] or [IPv6:2001:db8::1] (RFC 5321, 4.1.3); the envelope has checked it.
    private static string AddressIn(string literal)
    {
        var inner = literal[1..^1];
        return inner.StartsWith("ipv6:", StringComparison.OrdinalIgnoreCase) ? inner[5..] : inner;
    }
}
