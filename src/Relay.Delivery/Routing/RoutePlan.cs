using System.Net;
using Relay.Delivery.Connections;
using Relay.Delivery.Sources;
using Relay.Delivery.TlsPolicies;

namespace Relay.Delivery.Routing;

/// <summary>Where mail of a domain goes: the hosts, and how to talk to them. Domains with an equal <see cref="Key"/> share a site.</summary>
internal sealed record RoutePlan
{
    /// <summary>Hosts tried for one connection at most (RFC 5321, 5.1 asks for two).</summary>
    public const int MaxHosts = 5;

    // Of a domain with hundreds of MX the best are enough to choose from.
    private const int MaxKnown = 32;

    public required string Key { get; init; }

    /// <summary>Its best host, for people.</summary>
    public string Title => IsRoute ? $"{Hosts[0].Name}:{Hosts[0].Port}"
        : Hosts.Count > 1 ? $"{Hosts[0].Name} and {Hosts.Count - 1} more"
        : Hosts[0].Name;

    /// <summary>By preference, then by name.</summary>
    public required IReadOnlyList<RouteHost> Hosts { get; init; }

    public RouteTls Tls { get; init; } = RouteTls.Opportunistic;
    public RouteLogin? Login { get; init; }

    /// <summary>The MTA-STS policy under which mail goes there; null where there is none.</summary>
    public StsPolicy? Sts { get; init; }

    /// <summary>DNSSEC proves that these are the domain's hosts.</summary>
    public bool IsSecure { get; init; }

    /// <summary>From which of our addresses it goes; null is from those that all share.</summary>
    public SourcePool? Pool { get; init; }

    /// <summary>The configuration names it, so it may lead inside.</summary>
    public bool IsRoute { get; init; }

    /// <summary>
    /// The hosts in the order in which to try them: by preference, equals at random (RFC 5321, 5.1). The one that may have
    /// our message already comes before all, those that an enforced policy forbids behind all; one on trial changes nothing
    /// (RFC 8461, 5).
    /// </summary>
    public IReadOnlyList<RouteHost> InOrder(Random random, string? first)
    {
        if (Hosts.Count == 1)
        {
            return Hosts;
        }

        return
        [
            .. Hosts
                .Select(host => (Host: host, Lot: random.Next()))
                .OrderByDescending(h => h.Host.Name == first)
                .ThenByDescending(h => h.Host.IsPermitted || Sts is not { Mode: StsMode.Enforce })
                .ThenBy(h => h.Host.Preference)
                .ThenBy(h => h.Lot)
                .Take(MaxHosts)
                .Select(h => h.Host),
        ];
    }

    public static RoutePlan ToExchangers(IEnumerable<RouteHost> hosts, StsPolicy? sts = null, bool isSecure = false)
    {
        var enforced = sts is { Mode: StsMode.Enforce };
        RouteHost[] sorted =
        [
            .. hosts.Select(h => sts is null ? h : h with { IsPermitted = sts.Permits(h.Name) })
                .OrderBy(h => h.Preference).ThenBy(h => h.Name, StringComparer.Ordinal).Take(MaxKnown),
        ];

        // The rank counts, not the number: 10 and 20 are the same as 5 and 6. What a connection must prove is part of the
        // site, so that no domain's mail takes one that was opened under a weaker policy; and what it should have proved, so that
        // a domain that only tries its policy is told of its own hosts.
        var ranks = sorted.GroupBy(h => h.Preference, h => h.IsPermitted ? h.Name : $"!{h.Name}", (_, names) => string.Join('=', names));
        var policy = $"{(isSecure ? "+dnssec" : "")}{(sts is null ? "" : enforced ? "+sts" : "+sts-testing")}";
        return new RoutePlan { Key = $"mx:{sorted[0].Port}:{string.Join('>', ranks)}{policy}", Hosts = sorted, Sts = sts, IsSecure = isSecure };
    }
}

/// <param name="Name">A host name or, for a literal or a route, an address.</param>
internal sealed record RouteHost(string Name, int Port, int Preference = 0)
{
    /// <summary>False where the domain's MTA-STS policy does not name it.</summary>
    public bool IsPermitted { get; init; } = true;

    /// <summary>The address itself where the name is one.</summary>
    public IPAddress? Address { get; } = IPAddress.TryParse(Name, out var address) ? Unmapped(address) : null;

    // An IPv6 socket that takes no IPv4 cannot reach ::ffff:192.0.2.1, an IPv4 socket can.
    private static IPAddress Unmapped(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}

internal sealed record RouteLogin(string User, string Password)
{
    // A record prints its members; this one may end up in a log.
    public override string ToString() => User;
}

/// <summary>What routing found out about a domain.</summary>
internal abstract record Routed
{
    private Routed()
    {
    }

    /// <summary>Asked again after this time.</summary>
    public required DateTimeOffset Until { get; init; }

    public sealed record To(RoutePlan Plan) : Routed;

    /// <summary>No mail can be delivered there, now or later.</summary>
    public sealed record Nowhere(string Status, string Words, string Rule) : Routed;

    /// <summary>It cannot be said now.</summary>
    public sealed record Unknown(string Words, string Rule) : Routed
    {
        /// <summary>What this machine lacked, so that nobody was asked or heard; null where the trouble is the domain's own.</summary>
        public OwnLack? Lack { get; init; }
    }
}
