using Relay.Mail.Accounts;
using Relay.Mail.Domains;

namespace Relay.Intake.Domains;

/// <summary>Whether a domain has a DMARC policy, its own or one from above (RFC 9989, 4.10).</summary>
internal sealed class DmarcCheck(IDomainRecords records)
{
    public async ValueTask<Judgement> JudgeAsync(string domain, IReadOnlyList<string> found, CancellationToken cancellation)
    {
        var policies = PoliciesIn(found);
        for (var above = domain; policies.Count == 0 && above.Split('.').Length > 2;)
        {
            above = above[(above.IndexOf('.', StringComparison.Ordinal) + 1)..];
            if (PoliciesIn(await records.FindAsync($"_dmarc.{above}", RecordType.Txt, cancellation)) is [var inherited])
            {
                return TagList.Read(inherited) is { } tags && tags.ContainsKey("p")
                    ? Good(tags, $"The policy of {above} holds here too; a record of its own is not needed.")
                    : Judgement.Wrong($"The record of {above}, which holds here, has no policy (p=).");
            }
        }

        return policies switch
        {
            [] => Judgement.Missing("There is no DMARC policy. Gmail, Yahoo and Microsoft refuse bulk mail without one; p=none is enough."),
            [var one] => JudgeOne(TagList.Read(one)),
            _ => Judgement.Wrong($"There are {policies.Count} DMARC records, so none of them counts. Leave one."),
        };
    }

    private static Judgement JudgeOne(IReadOnlyDictionary<string, string>? tags) =>
        tags is null ? Judgement.Wrong("The DMARC record cannot be read: a tag stands twice or has no value.")
        : tags.GetValueOrDefault("p")?.ToLowerInvariant() is not ("none" or "quarantine" or "reject")
            ? Judgement.Wrong("The DMARC record needs a policy: p=none, p=quarantine or p=reject.")
        : Good(tags, tags.ContainsKey("rua") ? "" : "Add rua=mailto:ADDRESS to learn who sends in your name.");

    // Relaxed is the default (RFC 9989, 4.7).
    private static Judgement Good(IReadOnlyDictionary<string, string> tags, string advice)
    {
        var (dkim, spf) = (IsStrict(tags, "adkim"), IsStrict(tags, "aspf"));
        string[] words =
        [
            advice,
            dkim ? "With adkim=s mail of a name below the domain does not pass by the domain's signature: add that name as a domain of its own." : "",
            spf ? "With aspf=s SPF does not count where the envelope has the return path below the domain: the signature has to pass." : "",
        ];
        return Judgement.Good(string.Join(' ', words.Where(word => word.Length > 0))) with { StrictDkim = dkim, StrictSpf = spf };
    }

    private static bool IsStrict(IReadOnlyDictionary<string, string> tags, string tag) => "s".Equals(tags.GetValueOrDefault(tag), StringComparison.OrdinalIgnoreCase);

    private static List<string> PoliciesIn(IReadOnlyList<string> texts) => [.. texts.Where(text => TagList.Begins(text, "DMARC1"))];
}
