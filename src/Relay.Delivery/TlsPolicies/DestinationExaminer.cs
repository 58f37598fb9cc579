using System.Net;
using Relay.Delivery.Connections;
using Relay.Delivery.Routing;
using Relay.Delivery.TlsReports;
using Relay.Mail.Domains;
using Relay.Mail.Messages;

namespace Relay.Delivery.TlsPolicies;

/// <summary>Walks the way of a mail up to the connection, by the same parts, and writes down what they say.</summary>
internal sealed class DestinationExaminer(Router router, Resolver resolver, AddressPolicy policy, StsPolicies policies, TermsFinder termsFinder) : IDestinations
{
    public async ValueTask<DestinationFindings> ExamineAsync(string domain, CancellationToken cancellation)
    {
        var routed = await router.RouteAsync(domain, cancellation);
        var reports = await resolver.TextAsync(TlsReportRecord.NameFor(domain), cancellation);
        string[] places = [.. TlsReportRecord.PlacesIn(reports.Records).Select(place => place.AbsoluteUri)];
        if (routed is not Routed.To(var plan))
        {
            return new DestinationFindings(domain, "none", routed is Routed.Nowhere nowhere ? nowhere.Words : ((Routed.Unknown)routed).Words, false, null, [], places);
        }

        var hosts = new List<HostFindings>();
        foreach (var host in plan.InOrder(Random.Shared, null))
        {
            hosts.Add(await ExamineAsync(domain, plan, host, cancellation));
        }

        return new DestinationFindings(domain, plan.IsRoute ? "route" : "mx", null, plan.IsSecure, plan.IsRoute ? null : Words(policies.Known(domain)), hosts, places);
    }

    private async ValueTask<HostFindings> ExamineAsync(string domain, RoutePlan plan, RouteHost host, CancellationToken cancellation)
    {
        var answer = host.Address is null ? await resolver.AddressesAsync(host.Name, cancellation) : null;
        IReadOnlyList<IPAddress> addresses = answer?.Records ?? [host.Address!];
        HostFindings Finding(bool usable, string terms) => new(host.Name, host.Port, host.Preference, [.. addresses.Select(a => a.ToString())], usable, terms);

        if (addresses.Count == 0 && !plan.IsRoute)
        {
            return Finding(false, answer!.Words);
        }

        if (!plan.IsRoute && addresses.Select(a => policy.Check(new IPEndPoint(a, host.Port))).ToList() is var refusals && refusals.TrueForAll(r => r is not null))
        {
            return Finding(false, refusals[0]!.Words);
        }

        var (terms, refusal) = await termsFinder.FindAsync(plan, host, answer, new ConnectionWish(domain, TlsDemand.Policy, null), cancellation);
        return terms is null ? Finding(false, refusal!.Words) : Finding(true, Words(terms));
    }

    private static string Words(TlsTerms terms) => terms switch
    {
        { Tlsa: { Count: > 0 } records } => $"dane: TLS with a certificate that fits one of {string.Join(", ", records.Select(r => r.ToZoneText()))}",
        { Tlsa: not null } => "dane: TLS; none of the TLSA records can be used, so nothing is proved",
        { NeedsProof: true } => $"{terms.Policy}: TLS with a certificate that proves {terms.Name}",
        { Source: TlsSource.StsTesting } => "mta-sts testing: TLS where it is offered; what would fail is reported",
        { Mode: RouteTls.None } => "clear text",
        _ => "TLS where it is offered",
    };

    private static string? Words(StsFinding? known) => known switch
    {
        { Policy: { } policy } => $"{policy.Mode.ToString().ToLowerInvariant()}, for {policy.MaxAge.TotalDays:0.#} days: {string.Join(", ", policy.Mx)}",
        { Trouble: not null } => $"announced, but {known.Words}",
        _ => null,
    };
}
