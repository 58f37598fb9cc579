using System.Net;
using Relay.Mail.Domains;

namespace Relay.Intake.Domains;

/// <summary>Whether the SPF record of a name lets this relay's mail pass, and stays within what receivers put up with.</summary>
internal sealed class SpfCheck(IDomainRecords records, string hostName)
{
    public async ValueTask<Judgement> JudgeAsync(DomainRecord record, IReadOnlyList<string> found, CancellationToken cancellation)
    {
        var mechanism = $"a:{hostName}";
        var policies = SpfPolicy.RecordsIn(found);
        if (policies.Count == 0)
        {
            return TextRecord.NearMiss(record.Value, found) is { } miss
                ? Judgement.Wrong(miss)
                : Judgement.Missing($"There is no SPF record at {record.Name}.");
        }

        if (policies.Count > 1)
        {
            return Judgement.Wrong($"There are two SPF records or more ({policies.Count}); receivers count that as an error. Make one of them: {Merged(policies)}");
        }

        var policy = await SpfPolicy.ReadAsync(record.Name, policies[0], records, cancellation);
        if (policy.Fault is { } fault)
        {
            return Judgement.Wrong($"The SPF record is in error: {fault}.");
        }

        if (policy.LookUps > SpfPolicy.MostLookUps)
        {
            return Judgement.Wrong($"The SPF record needs {policy.LookUps} look-ups; more than {SpfPolicy.MostLookUps} are an error (RFC 7208, 4.6.4). Leave out includes that are no longer used, or write their networks as ip4: and ip6:.");
        }

        var ours = (await records.FindAsync(hostName, RecordType.Address, cancellation)).Select(IPAddress.Parse).ToList();
        var passes = ours.Count > 0
            ? ours.All(policy.Passes)
            : policies[0].Split(' ').Any(word => word.TrimStart('+').Equals(mechanism, StringComparison.OrdinalIgnoreCase));
        return passes ? Judgement.Good()
            : Judgement.Wrong($"The SPF record does not let this relay pass. Change it to: {With(policies[0], mechanism)}");
    }

    // Before the terms that are there: the first that matches decides.
    private static string With(string policy, string mechanism) => $"v=spf1 {mechanism}{policy["v=spf1".Length..]}";

    private static string Merged(IReadOnlyList<string> policies)
    {
        var terms = policies.SelectMany(policy => policy.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1)).Distinct(StringComparer.OrdinalIgnoreCase).ToList();
        var ends = terms.Where(term => term.EndsWith("all", StringComparison.OrdinalIgnoreCase) && term.Length <= 4).ToList();
        return $"v=spf1 {string.Join(' ', terms.Except(ends))} {ends.OrderBy(end => "-~?+".IndexOf(end[0], StringComparison.Ordinal)).LastOrDefault() ?? "~all"}";
    }
}
