using Microsoft.Extensions.Logging;
using Relay.Delivery.Connections;
using Relay.Delivery.Routing;

namespace Relay.Delivery.TlsPolicies;

/// <summary>Takes note of every session that TLS was tried or missing in: for metrics, the log, and the domains' reports (RFC 8460).</summary>
internal sealed class TlsSessions(DeliveryMetrics metrics, ILogger<TlsSessions> logger)
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
            if (trouble is { } missed && terms.Source == TlsSource.StsTesting)
            {
                logger.WouldHaveFailed(domain, connection.Host.Name, connection.Address, missed);
            }
        }
        else if (opened is Opened.Failed { Trouble: { } trouble })
        {
            metrics.TlsSession(terms.Policy, trouble);
        }
    }

    /// <summary>A host was not even connected to.</summary>
    public void Refused(string domain, RoutePlan plan, Opened.Failed refusal)
    {
        if (refusal is { Trouble: { } trouble, IsForMessage: false })
        {
            metrics.TlsSession(TlsTerms.PolicyOf(refusal.Source), trouble);
        }
    }

    // A certificate that nobody asked for is not at fault, whatever it is.
    private static TlsTrouble? TroubleOf(SmtpConnection connection, TlsTerms terms) =>
        terms.Source == TlsSource.StsTesting || connection.Tls is null || terms.NeedsTls ? connection.Security.Trouble : null;
}
