using System.Net;
using Microsoft.Extensions.Options;
using Relay.Delivery.Connections;
using Relay.Delivery.Routing;
using Relay.Mail.Messages;

namespace Relay.Delivery.TlsPolicies;

/// <summary>
/// Says what a connection to a host has to prove: what its route demands; else what its DNS does (DANE); else what the
/// domain does (MTA-STS); and in each case what the message demands beyond that. DANE comes first since a domain that signs
/// its zone trusts it more than the web's authorities (RFC 8461, 2).
/// </summary>
internal sealed class TermsFinder(DaneLookup dane, IOptions<DeliveryOptions> options)
{
    /// <param name="addresses">Null where the host's address needed no look-up.</param>
    public async ValueTask<(TlsTerms? Terms, Opened.Failed? Refusal)> FindAsync(
        RoutePlan plan, RouteHost host, DnsAnswer<IPAddress>? addresses, ConnectionWish wish, CancellationToken cancellation)
    {
        var (terms, refusal) = await OfDestinationAsync(plan, host, addresses, wish, cancellation);
        return terms is null ? (null, refusal)
            : wish.Demand == TlsDemand.RequireTls && !terms.IsHostCertain ? (null, Uncertain(host, wish))
            : (Raise(terms, wish.Demand), null);
    }

    private async ValueTask<(TlsTerms? Terms, Opened.Failed? Refusal)> OfDestinationAsync(
        RoutePlan plan, RouteHost host, DnsAnswer<IPAddress>? addresses, ConnectionWish wish, CancellationToken cancellation)
    {
        if (plan.IsRoute)
        {
            return (new TlsTerms { Mode = plan.Tls, Name = host.Name, Source = TlsSource.Route, IsHostCertain = true }, null);
        }

        var open = new TlsTerms { Mode = RouteTls.Opportunistic, Name = host.Name, IsHostCertain = plan.IsSecure };
        if (wish.Demand == TlsDemand.Waived)
        {
            return (open with { IsWaived = true }, null);
        }

        if (options.Value.Dns.Trusted && plan.IsSecure && addresses is not null)
        {
            switch (await dane.FindAsync(host, addresses, cancellation))
            {
                case DaneFinding.Unknown { Lack: { } lack } unknown:
                    // Nobody was asked, so there is nothing to report to the domain.
                    return (null, new Opened.Failed(unknown.Words, lack.Rule, host.Name, null) { Source = TlsSource.Dane, Lack = lack });

                case DaneFinding.Unknown unknown:
                    return (null, Refusal(host, unknown.Words, DeliveryRules.DaneUnknown, TlsTrouble.DnssecInvalid, TlsSource.Dane));

                case DaneFinding.Published published:
                    return (open with
                    {
                        Mode = RouteTls.Required,
                        Name = published.Name,
                        MxName = host.Name,
                        Domain = wish.Domain,
                        Tlsa = published.Records,
                        Source = TlsSource.Dane,
                    }, null);
            }
        }

        return plan.Sts switch
        {
            { Mode: StsMode.Enforce } when !host.IsPermitted =>
                (null, Refusal(host, $"the MTA-STS policy of {wish.Domain} does not name {host.Name}", DeliveryRules.StsMismatch, TlsTrouble.ValidationFailure, TlsSource.StsEnforce)),
            { Mode: StsMode.Enforce } => (open with { Mode = RouteTls.Required, Source = TlsSource.StsEnforce, IsHostCertain = true }, null),
            { Mode: StsMode.Testing } => (open with
            {
                Source = TlsSource.StsTesting,
                IsHostCertain = open.IsHostCertain || host.IsPermitted,
                Trouble = host.IsPermitted ? null : TlsTrouble.ValidationFailure,
            }, null),
            _ => (open, null),
        };
    }

    private static TlsTerms Raise(TlsTerms terms, TlsDemand demand) =>
        demand is TlsDemand.Verified or TlsDemand.RequireTls && !terms.NeedsProof
            ? terms with
            {
                Mode = RouteTls.Required,

                // Records that cannot be used prove nothing; the system's authorities may.
                Tlsa = null,
                Source = TlsSource.Message,
                IsForMessage = true,
            }
            : terms;

    // Whoever can forge the MX could name a host of his own, with a certificate as good as any (RFC 8689, 4.2.1).
    private static Opened.Failed Uncertain(RouteHost host, ConnectionWish wish) =>
        new($"the message demands REQUIRETLS, and neither DNSSEC nor MTA-STS proves that {host.Name} is a host of {wish.Domain}", DeliveryRules.NeedsRequireTls, host.Name, null, "5.7.30")
        {
            IsForMessage = true,
            Source = TlsSource.Message,
        };

    private static Opened.Failed Refusal(RouteHost host, string words, string rule, TlsTrouble trouble, TlsSource source) =>
        new(words, rule, host.Name, null) { Trouble = trouble, Source = source };
}
