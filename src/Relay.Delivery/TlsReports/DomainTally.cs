using Relay.Mail.Policies;

namespace Relay.Delivery.TlsReports;

/// <summary>What this process has counted for one domain on one day. Not for several threads at a time.</summary>
internal sealed class DomainTally
{
    // Beyond so many kinds of failure details are left out: whoever breaks his own hosts shall not fill our memory.
    private const int MaxKinds = 200;

    private readonly Dictionary<ReportedPolicy, (long Successful, Dictionary<ReportedFailure, long> Failures)> _policies = [];
    private int _kinds;

    /// <summary>Something was counted since it was last written.</summary>
    public bool IsDirty { get; set; }

    /// <summary>Whether the domain asks for reports; null before it was looked up.</summary>
    public bool? IsWanted { get; set; }

    public void Count(ReportedPolicy policy, ReportedFailure? failure)
    {
        var (successful, failures) = _policies.TryGetValue(policy, out var known) ? known : (0, []);
        if (failure is null)
        {
            successful++;
        }
        else
        {
            if (!failures.ContainsKey(failure) && ++_kinds > MaxKinds)
            {
                failure = new ReportedFailure(failure.Trouble, null, null, null);
            }

            failures[failure] = failures.GetValueOrDefault(failure) + 1;
        }

        _policies[policy] = (successful, failures);
        IsDirty = true;
    }

    public IReadOnlyList<TlsPolicyTotals> Totals() =>
    [
        .. _policies.Select(p => new TlsPolicyTotals(
            p.Key.Type,
            p.Key.Lines.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            p.Key.MxHosts.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            p.Value.Successful,
            [.. p.Value.Failures.Select(f => new TlsFailureTotals(f.Key.Result, f.Key.SendingAddress, f.Key.Host, f.Key.ReceivingAddress, f.Value))])),
    ];
}
