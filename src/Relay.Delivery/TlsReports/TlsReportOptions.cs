namespace Relay.Delivery.TlsReports;

/// <summary>The daily reports that tell domains how sessions with their hosts went (RFC 8460).</summary>
public sealed class TlsReportOptions
{
    /// <summary>Whether reports are collected and sent. A host name without a dot sends none.</summary>
    // On: only domains that ask for them by a record get them, and it is how a broken policy is found at all.
    public bool Enabled { get; set; } = true;

    /// <summary>The author of reports; null is <c>tls-reports@</c> and the host name. It is signed where the account "default" has its domain.</summary>
    public string? From { get; set; }

    /// <summary>Who reports, for people; null is the domain of <see cref="From"/>.</summary>
    public string? Organization { get; set; }

    /// <summary>Whom a domain may ask about a report; null is <see cref="From"/>.</summary>
    public string? Contact { get; set; }
}
