using Relay.Delivery.TlsPolicies;

namespace Relay.Delivery.TlsReports;

/// <summary>A policy as reports name it. Its parts are lines, so that equal ones are one.</summary>
/// <param name="Type">RFC 8460, 4.2.</param>
internal sealed record ReportedPolicy(string Type, string Lines, string MxHosts)
{
    private static readonly ReportedPolicy Nothing = new("no-policy-found", "", "");

    /// <param name="known">What is known of the domain's MTA-STS policy.</param>
    public static ReportedPolicy Of(TlsSource source, IReadOnlyList<Tlsa>? tlsa, string host, StsFinding? known) => source switch
    {
        TlsSource.Dane => new ReportedPolicy("tlsa", string.Join('\n', (tlsa ?? []).Select(r => r.ToZoneText())), host),
        TlsSource.StsEnforce or TlsSource.StsTesting when known?.Policy is { } policy => new ReportedPolicy(
            "sts",
            string.Join('\n', policy.Text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)),
            string.Join('\n', policy.Mx)),
        TlsSource.StsEnforce or TlsSource.StsTesting => new ReportedPolicy("sts", "", ""),

        // Announced, but not to be had.
        _ when known?.Trouble is not null => new ReportedPolicy("sts", "", ""),
        _ => Nothing,
    };
}

/// <summary>What went wrong with a session, and between whom.</summary>
internal sealed record ReportedFailure(TlsTrouble Trouble, string? SendingAddress, string? Host, string? ReceivingAddress)
{
    /// <summary>RFC 8460, 4.3.</summary>
    public string Result => Trouble switch
    {
        TlsTrouble.StartTlsNotSupported => "starttls-not-supported",
        TlsTrouble.CertificateHostMismatch => "certificate-host-mismatch",
        TlsTrouble.CertificateExpired => "certificate-expired",
        TlsTrouble.CertificateNotTrusted => "certificate-not-trusted",
        TlsTrouble.TlsaInvalid => "tlsa-invalid",
        TlsTrouble.DnssecInvalid => "dnssec-invalid",
        TlsTrouble.StsPolicyFetchError => "sts-policy-fetch-error",
        TlsTrouble.StsPolicyInvalid => "sts-policy-invalid",
        TlsTrouble.StsWebpkiInvalid => "sts-webpki-invalid",
        _ => "validation-failure",
    };
}
