namespace Relay.Mail.Domains;

/// <summary>Tells how mail to a domain would leave now, asked of a process that delivers. It looks, and connects to no host.</summary>
public interface IDestinations
{
    /// <param name="domain">Lower case, A-labels.</param>
    ValueTask<DestinationFindings> ExamineAsync(string domain, CancellationToken cancellation);
}

/// <param name="Way"><c>route</c>, <c>mx</c>, or <c>none</c>.</param>
/// <param name="Trouble">Why there is no way; null where there is one.</param>
/// <param name="Secure">DNSSEC proves which hosts are the domain's.</param>
/// <param name="Sts">Its MTA-STS policy in a few words; null where it has none.</param>
/// <param name="Hosts">In the order in which they are tried.</param>
/// <param name="Reports">Where it wants to be told how sessions went (TLS-RPT).</param>
public sealed record DestinationFindings(
    string Domain, string Way, string? Trouble, bool Secure, string? Sts, IReadOnlyList<HostFindings> Hosts, IReadOnlyList<string> Reports);

/// <param name="Usable">Mail may go there, as far as can be told without asking it.</param>
/// <param name="Terms">What a connection has to prove, or why there is none.</param>
public sealed record HostFindings(string Name, int Port, int Preference, IReadOnlyList<string> Addresses, bool Usable, string Terms);
