using System.Net;
using Relay.Mail.Domains;

namespace Relay.Intake.Domains;

/// <summary>Whether the SPF record of a name lets this relay's mail pass, and stays within what receivers put up with.</summary>
internal sealed class SpfCheck(IDomainRecords records, RelayHosts hosts)
{
    public async ValueTask<Judgement> JudgeAsync(DomainRecord record, IReadOnlyList<string> found, CancellationToken cancellation)
    {
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

        var missing = await MissingInAsync(policy, policies[0], cancellation);
        return missing.Count == 0 ? Judgement.Good()
            : Judgement.Wrong($"The SPF record does not let this relay pass. Change it to: {With(policies[0], missing)}");
    }

    // Mail may leave from any of them: one that does not pass is enough to have some of it refused.
    private async ValueTask<IReadOnlyList<string>> MissingInAsync(SpfPolicy policy, string text, CancellationToken cancellation)
    {
        var missing = new List<string>();
        foreach (var name in hosts.Senders)
        {
            var mechanism = RelayHosts.MechanismOf(name);
            var addresses = (await records.FindAsync(name, RecordType.Address, cancellation)).Select(IPAddress.Parse).ToList();
            var passes = addresses.Count > 0
                ? addresses.All(policy.Passes)
                : text.Split(' ').Any(word => word.TrimStart('+').Equals(mechanism, StringComparison.OrdinalIgnoreCase));
            if (!passes)
            {
                missing.Add(mechanism);
            }
        }

        missing.AddRange(hosts.Addresses.Where(address => !policy.Passes(address)).Select(RelayHosts.MechanismOf));
        return missing;
    }

    // Before the terms that are there: the first that matches decides.
    private static string With(string policy, IReadOnlyList<string> mechanisms) => $"v=spf1 {string.Join(' ', mechanisms)}{policy["v=spf1".Length..]}";

    private static string Merged(IReadOnlyList<string> policies)
    {
        var terms = policies.SelectMany(policy => policy.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1)).Distinct(StringComparer.OrdinalIgnoreCase).ToList();
        var ends = terms.Where(term => term.EndsWith("all", StringComparison.OrdinalIgnoreCase) && term.Length <= 4).ToList();
        return $"v=spf1 {string.Join(' ', terms.Except(ends))} {ends.OrderBy(end => "-~?+".IndexOf(end[0], StringComparison.Ordinal)).LastOrDefault() ?? "~all"}";
    }
}
