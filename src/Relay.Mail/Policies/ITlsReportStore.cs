namespace Relay.Mail.Policies;

/// <summary>
/// Keeps how sessions with each domain's hosts went, day by day and for all nodes, until the domain was told (RFC 8460).
/// Each process writes its own totals and writes them over, so a write that is repeated counts nothing twice.
/// All may throw <see cref="Queue.StoreUnavailableException"/>.
/// </summary>
public interface ITlsReportStore
{
    /// <param name="source">Names the process.</param>
    /// <param name="totals">All that it has counted on this day.</param>
    ValueTask WriteAsync(DateOnly day, string domain, string source, IReadOnlyList<TlsPolicyTotals> totals, CancellationToken cancellation);

    /// <summary>The domains of which a day is not reported yet.</summary>
    ValueTask<IReadOnlyList<string>> FindDomainsAsync(DateOnly day, CancellationToken cancellation);

    /// <summary>Takes a report for a while, so that no other node sends it too; null when another has it, or has sent it.</summary>
    ValueTask<TlsDay?> TryTakeAsync(DateOnly day, string domain, TimeSpan atMost, CancellationToken cancellation);

    /// <summary>One of the places it goes to has it.</summary>
    ValueTask NoteSentAsync(DateOnly day, string domain, string place, CancellationToken cancellation);

    /// <summary>Nobody needs to be told any more.</summary>
    ValueTask EndAsync(DateOnly day, string domain, CancellationToken cancellation);
}

/// <param name="Totals">Those of every process, one behind the other.</param>
/// <param name="SentTo">Places that have the report already.</param>
public sealed record TlsDay(IReadOnlyList<TlsPolicyTotals> Totals, IReadOnlySet<string> SentTo);

/// <summary>How sessions under one policy went.</summary>
/// <param name="Type">As reports have it: <c>sts</c>, <c>tlsa</c>, <c>no-policy-found</c>.</param>
/// <param name="Lines">The policy itself.</param>
public sealed record TlsPolicyTotals(string Type, IReadOnlyList<string> Lines, IReadOnlyList<string> MxHosts, long Successful, IReadOnlyList<TlsFailureTotals> Failures);

/// <param name="Result">As reports have it (RFC 8460, 4.3).</param>
public sealed record TlsFailureTotals(string Result, string? SendingAddress, string? Host, string? ReceivingAddress, long Sessions);
