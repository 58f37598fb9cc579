using Microsoft.Extensions.Logging;
using Relay.Delivery.Connections;
using Relay.Delivery.Routing;
using Relay.Delivery.TlsReports;

namespace Relay.Delivery.TlsPolicies;

/// <summary>Takes note of every session that TLS was tried or missing in: for metrics, the log, and the domains' reports (RFC 8460).</summary>
internal sealed class TlsSessions(StsPolicies policies, TlsTally tally, DeliveryMetrics metrics, ILogger<TlsSessions> logger)
{
    /// <summary>A connection was opened, or failed to be.</summary>
    public void Ended(string domain, RoutePlan plan, TlsTerms terms, Opened opened)
    {
        // Routes are ours, and what a single message demands or waives is no policy of the domain.
        if (plan.IsRoute || terms.IsForMessage || terms.IsWaived)
        {
            return;
        }

        if (opened is Opened.Ready { Connection: var connection })
        {
            var trouble = TroubleOf(connection, terms);
            metrics.TlsSession(terms.Policy, trouble);
            Tell(domain, terms, connection.Host.Name, connection.Address, trouble);
            Count(domain, terms, trouble, connection.From?.ToString(), connection.Host.Name, connection.Place.Address.ToString());
        }
        else if (opened is Opened.Failed { Trouble: { } trouble } failed)
        {
            metrics.TlsSession(terms.Policy, trouble);
            Tell(domain, terms, failed.Host!, failed.Address, trouble);
            Count(domain, terms, trouble, failed.From?.ToString(), failed.Host!, AddressIn(failed.Address));
        }
    }

    /// <summary>A host was not even connected to.</summary>
    public void Refused(string domain, RoutePlan plan, Opened.Failed refusal)
    {
        if (refusal is { Trouble: { } trouble, IsForMessage: false, Host: { } host } && !plan.IsRoute)
        {
            metrics.TlsSession(TlsTerms.PolicyOf(refusal.Source), trouble);
            tally.Count(domain, ReportedPolicy.Of(refusal.Source, null, host, policies.Known(domain)), new ReportedFailure(trouble, null, host, null));
        }
    }

    private void Tell(string domain, TlsTerms terms, string host, string? address, TlsTrouble? trouble)
    {
        if (trouble is { } missed && terms.Source == TlsSource.StsTesting)
        {
            logger.WouldHaveFailed(domain, host, address, missed);
        }
    }

    private void Count(string domain, TlsTerms terms, TlsTrouble? trouble, string? sending, string host, string? receiving)
    {
        var known = policies.Known(domain);

        // That the policy could not be had is what the domain needs to hear, however well the session went without it.
        var told = terms.Source == TlsSource.Nobody && known is { Policy: null, Trouble: { } missing } ? missing : trouble;
        tally.Count(
            domain,
            ReportedPolicy.Of(terms.Source, terms.Tlsa, host, known),
            told is { } failure ? new ReportedFailure(failure, sending, host, receiving) : null);
    }

    // A certificate that nobody asked for is not at fault, whatever it is.
    private static TlsTrouble? TroubleOf(SmtpConnection connection, TlsTerms terms) =>
        terms.Tlsa is { Count: 0 } ? TlsTrouble.TlsaInvalid
        : terms.Source == TlsSource.StsTesting || connection.Tls is null ? connection.Security.Trouble
        : null;

    private static string? AddressIn(string? place) => System.Net.IPEndPoint.TryParse(place ?? "", out var point) ? point.Address.ToString() : null;
}
