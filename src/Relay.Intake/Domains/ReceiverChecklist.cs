using System.Net;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;

namespace Relay.Intake.Domains;

/// <summary>
/// What Gmail, Yahoo and Microsoft ask of senders, line by line, with the present state of each as far as this relay can
/// see it. A line that only people or the receivers themselves can judge says so.
/// </summary>
internal sealed class ReceiverChecklist(IDomainRecords records, RecordList list)
{
    public async Task<IReadOnlyList<ChecklistLine>> ReadAsync(SendingDomain domain, CancellationToken cancellation)
    {
        var findings = domain.Findings.ToLookup(finding => finding.Purpose);
        var dkim = OfKey(domain, findings);
        return
        [
            new(1, "SPF passes for the envelope's domain", "all", OfRecord(findings, "spf")),
            new(2, "DKIM passes, with RSA of 2048 bits, for the domain in From", "all", dkim),
            new(3, "A DMARC policy is published, with reports", "bulk", OfRecord(findings, "dmarc")),
            new(4, "From is aligned with SPF or DKIM", "bulk", dkim.Kind == ChecklistState.Good
                ? ChecklistFinding.Good("every message is signed with d= at or above the domain in From")
                : dkim),
            new(5, "One valid From address, none of a free mail provider", "all",
                ChecklistFinding.Good("enforced: the gate refuses mail without exactly one From field, or of a domain that is not verified")),
            new(6, "The sending address has a name that leads back to it, and EHLO says that name", "all", await OfHostNameAsync(cancellation)),
            new(7, "TLS to the receiver", "Gmail", ChecklistFinding.Good("STARTTLS is used wherever it is offered; its share is in the metrics")),
            new(8, "One-click unsubscribe, covered by DKIM", "bulk", ChecklistFinding.Unseen("not written by this version; headers that the mail brings are signed")),
            new(9, "Fewer than 0.1 % of users report spam", "bulk", ChecklistFinding.Unseen("only the receivers know: see Gmail Postmaster Tools, Yahoo CFL and Microsoft SNDS")),
            new(10, "RFC 5322: the fields once each, lines of at most 998 octets, CRLF", "all",
                ChecklistFinding.Good("enforced: Date and Message-ID are added where they are missing, doubled fields and bare line ends refused")),
            new(11, "From can take mail", "Microsoft, Gmail", await OfMailboxAsync(domain, cancellation)),
            new(12, "Addresses that bounce are not sent to again", "all", ChecklistFinding.Unseen("not judged for a single domain: see its messages and their events")),
            new(13, "Marketing and transactional mail kept apart", "Gmail", ChecklistFinding.Unseen("a decision of the sender: use another domain or subdomain for newsletters")),
            new(14, "No sudden peaks; back off when told to", "all", ChecklistFinding.Unseen("connections are bounded and deferrals obeyed; warming up a new address is left to people")),
            new(15, "Automatic answers say that they are", "-", ChecklistFinding.Good("our own reports carry Auto-Submitted and have a null sender")),
            new(16, "No bought lists, confirmed opt-in", "all", ChecklistFinding.Unseen("only the sender knows")),
            new(17, "Links by a host of the domain itself", "-", ChecklistFinding.Good("links are left as they are; no tracking host of ours stands in them")),
        ];
    }

    private static ChecklistFinding OfRecord(ILookup<string, RecordFinding> findings, string purpose) =>
        findings[purpose].FirstOrDefault() switch
        {
            null => ChecklistFinding.Unseen("nobody has looked yet: verify the domain first"),
            { State: RecordState.Verified, Advice: "" } => ChecklistFinding.Good("seen in the DNS"),
            { State: RecordState.Verified, Advice: var advice } => ChecklistFinding.Good(advice),
            { State: RecordState.Unknown, Advice: var advice } => ChecklistFinding.Unseen(advice),
            { Advice: var advice } => ChecklistFinding.Bad(advice),
        };

    private static ChecklistFinding OfKey(SendingDomain domain, ILookup<string, RecordFinding> findings)
    {
        var selectors = domain.SigningKeys().Select(key => $"{key.Selector}._domainkey.{domain.Name}").ToList();
        var signing = findings["dkim"].Where(finding => selectors.Contains(finding.Name)).ToList();
        return signing.Count == 0 ? ChecklistFinding.Unseen("nobody has looked yet: verify the domain first")
            : signing.Find(finding => finding.State != RecordState.Verified) is { } bad ? ChecklistFinding.Bad(bad.Advice)
            : ChecklistFinding.Good($"every message is signed; the DNS has {string.Join(" and ", domain.SigningKeys().Select(key => key.Selector))}");
    }

    // Forward-confirmed reverse DNS of the name that EHLO says.
    private async ValueTask<ChecklistFinding> OfHostNameAsync(CancellationToken cancellation)
    {
        try
        {
            var addresses = await records.FindAsync(list.HostName, RecordType.Address, cancellation);
            foreach (var address in addresses)
            {
                var names = await records.FindAsync(address, RecordType.Ptr, cancellation);
                if (!names.Contains(list.HostName, StringComparer.OrdinalIgnoreCase))
                {
                    return ChecklistFinding.Bad(names.Count == 0
                        ? $"{address}, which is {list.HostName}, has no PTR record: ask whoever gave you the address for it"
                        : $"{address} is {list.HostName}, but its PTR record says {string.Join(", ", names)}");
                }
            }

            return addresses.Count == 0
                ? ChecklistFinding.Bad($"{list.HostName} (Relay:HostName) has no address in the DNS")
                : ChecklistFinding.Good($"{list.HostName} is {string.Join(" and ", addresses)}, and they are {list.HostName}");
        }
        catch (DomainRecordsUnavailableException exception)
        {
            return ChecklistFinding.Unseen(exception.Message);
        }
    }

    private async ValueTask<ChecklistFinding> OfMailboxAsync(SendingDomain domain, CancellationToken cancellation)
    {
        try
        {
            var exchangers = await records.FindAsync(domain.Name, RecordType.Mx, cancellation);
            return exchangers is ["0 "] ? ChecklistFinding.Bad($"{domain.Name} says that it takes no mail (null MX): replies and reports to it are lost")
                : exchangers.Count > 0 ? ChecklistFinding.Good($"{domain.Name} has {exchangers.Count} mail exchangers")
                : (await records.FindAsync(domain.Name, RecordType.Address, cancellation)).Count > 0 ? ChecklistFinding.Good($"{domain.Name} has no MX record; its address stands in for one")
                : ChecklistFinding.Bad($"{domain.Name} has neither an MX record nor an address: nobody can answer");
        }
        catch (DomainRecordsUnavailableException exception)
        {
            return ChecklistFinding.Unseen(exception.Message);
        }
    }
}

/// <param name="Who">The receivers that ask for it.</param>
internal sealed record ChecklistLine(int Number, string Requirement, string Who, ChecklistFinding Now);

internal readonly record struct ChecklistFinding(ChecklistState Kind, string Finding)
{
    public static ChecklistFinding Good(string finding) => new(ChecklistState.Good, finding);

    public static ChecklistFinding Bad(string finding) => new(ChecklistState.Bad, finding);

    public static ChecklistFinding Unseen(string finding) => new(ChecklistState.Unseen, finding);
}

internal enum ChecklistState
{
    Good,
    Bad,

    /// <summary>This relay cannot see it, or not yet.</summary>
    Unseen,
}
