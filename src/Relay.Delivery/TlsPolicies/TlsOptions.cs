using System.ComponentModel.DataAnnotations;
using Relay.Delivery.TlsReports;

namespace Relay.Delivery.TlsPolicies;

/// <summary>Whose word counts on how safe a connection must be. Routes say it for themselves.</summary>
public sealed class TlsOptions
{
    /// <summary>Whether the MTA-STS policies that domains publish are obeyed (RFC 8461).</summary>
    // On: it costs a DNS question a domain, and without it anyone on the way can read the mail of domains that forbid it.
    public bool MtaSts { get; set; } = true;

    [Required]
    public TlsReportOptions Reports { get; set; } = new();
}
