using System.Collections.Frozen;
using Microsoft.Extensions.Options;
using Relay.Smtp.Addresses;

namespace Relay.Delivery.Routing;

/// <summary>The configured routes. The closest rule counts: the domain itself, then the nearest <c>*.parent</c>, then <c>*</c>.</summary>
internal sealed class RouteTable
{
    private readonly FrozenDictionary<string, RoutePlan> _byRule;

    public RouteTable(IOptions<DeliveryOptions> options) =>
        // Of two rules for the same domain the first one counts.
        _byRule = options.Value.Routes
            .GroupBy(r => Normalise(r.Domain), StringComparer.Ordinal)
            .ToFrozenDictionary(g => g.Key, g => PlanOf(g.First()), StringComparer.Ordinal);

    public RoutePlan? Find(string domain)
    {
        if (_byRule.Count == 0)
        {
            return null;
        }

        if (_byRule.TryGetValue(domain, out var exact))
        {
            return exact;
        }

        for (var dot = domain.IndexOf('.'); dot >= 0; dot = domain.IndexOf('.', dot + 1))
        {
            if (_byRule.TryGetValue($"*{domain.AsSpan(dot)}", out var parent))
            {
                return parent;
            }
        }

        return _byRule.GetValueOrDefault("*");
    }

    private static RoutePlan PlanOf(RouteOptions route) => new()
    {
        Key = $"route:{route.Host}:{route.Port}:{route.Tls}:{route.Username}",
        Hosts = [new RouteHost(route.Host, route.Port)],
        Tls = route.Tls,
        Login = string.IsNullOrEmpty(route.Username) ? null : new RouteLogin(route.Username, route.Password ?? ""),
        IsRoute = true,
    };

    private static string Normalise(string rule)
    {
        var (star, domain) = rule.StartsWith("*.", StringComparison.Ordinal) ? ("*.", rule[2..]) : ("", rule);
        return domain != "*" && EnvelopeAddress.TryNormaliseDomain(domain, out var normal) ? star + normal : rule;
    }
}
