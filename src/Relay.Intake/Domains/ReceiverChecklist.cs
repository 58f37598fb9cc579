using System.Globalization;
using Microsoft.Extensions.Options;
using Relay.Intake.Smtp;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;
using Relay.Mail.Events;
using Relay.Mail.Lists;

namespace Relay.Intake.Domains;

/// <summary>
/// What Gmail, Yahoo and Microsoft ask of senders, line by line, with the present state of each as far as this relay can
/// see it. A line that only people or the receivers themselves can judge says so.
/// </summary>
internal sealed class ReceiverChecklist(
    IDomainRecords records, HostNameCheck hostName, IStatisticsReader statistics, ListFields lists, IOptions<ListOptions> listOptions, IOptions<InboundOptions> inbound, TimeProvider time)
{
    public async Task<IReadOnlyList<ChecklistLine>> ReadAsync(SendingDomain domain, CancellationToken cancellation)
    {
        var findings = domain.Findings.ToLookup(finding => finding.Purpose);
        var dkim = OfKey(domain, findings);
        var week = await WeekAsync(domain.Account, cancellation);
        return
        [
            new(1, "SPF passes for the envelope's domain", "all", domain.ReturnPath() is { } path && inbound.Value.Enabled
                ? ChecklistFinding.Good($"the world is told a sender of ours at {path}, for which SPF lets this relay send")
                : OfRecord(findings, RecordFinding.Spf)),
            new(2, "DKIM passes, with RSA of 2048 bits, for the domain in From", "all", dkim),
            new(3, "A DMARC policy is published, with reports", "bulk", OfRecord(findings, RecordFinding.Dmarc)),
            new(4, "From is aligned with SPF or DKIM", "bulk", dkim.Kind == ChecklistState.Good
                ? ChecklistFinding.Good(findings[RecordFinding.Dmarc].Any(finding => finding.StrictDkim)
                    ? "mail of the domain itself is signed with d= its name; that of names below it passes adkim=s only where they are domains of their own here"
                    : "every message is signed with d= at or above the domain in From")
                : dkim),
            new(5, "One valid From address, none of a free mail provider", "all",
                ChecklistFinding.Good("enforced: the gate refuses mail without exactly one address in From, of a free mail provider, or of a domain that is not verified")),
            new(6, "The sending address has a name that leads back to it, and EHLO says that name", "all", await hostName.LookAsync(cancellation)),
            new(7, "TLS to the receiver", "Gmail", ChecklistFinding.Good("STARTTLS is used wherever it is offered; its share is in the metrics")),
            new(8, "One-click unsubscribe, covered by DKIM", "bulk", OfLinks(domain)),
            new(9, "Fewer than 0.1 % of users report spam", "bulk", 
                OfShare(week, MailEventType.Complained, "complaints that came back to us; what Gmail counts is in its Postmaster Tools", sound: 0.001, unsound: 0.003)),
            new(10, "RFC 5322: the fields once each, lines of at most 998 octets, CRLF", "all",
                ChecklistFinding.Good("enforced: Date and Message-ID are added where they are missing, doubled fields and bare line ends refused")),
            new(11, "From can take mail", "Microsoft, Gmail", await OfMailboxAsync(domain, cancellation)),
            new(12, "Addresses that bounce are not sent to again", "all", 
                OfShare(week, MailEventType.Bounced, "bounces; addresses that do not exist are suppressed at the first", sound: 0.02, unsound: 0.05)),
            new(13, "Marketing and transactional mail kept apart", "Gmail", 
                listOptions.Value.FeedbackId is { } sender
                    ? ChecklistFinding.Good($"class and stream of a message keep them apart, in the queue and in Feedback-ID: STREAM:ACCOUNT:CLASS:{sender}")
                    : ChecklistFinding.Unseen("class and stream of a message keep them apart in the queue; for Gmail's reports set Relay:Lists:FeedbackId")),
            new(14, "No sudden peaks; back off when told to", "all", 
                ChecklistFinding.Good("enforced: connections are bounded for each receiver and follow what it takes, deferrals are obeyed; a new address warms up in Relay:Delivery:Pools")),
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

    private ChecklistFinding OfLinks(SendingDomain domain) => lists.AddsLinks
        ? ChecklistFinding.Good("enforced: bulk mail without a link of its own gets one, covered by the signatures, and a click counts at once")
        : ChecklistFinding.Bad("Relay:Http:PublicUrl is not an https address, so bulk mail gets "
            + (domain.ReturnPath() is not null && inbound.Value.Enabled ? "an address to write to and no link that unsubscribes by one click" : "neither a link nor an address to unsubscribe"));

    // Of the account: what receivers count by domain nobody tells us.
    private async ValueTask<Dictionary<MailEventType, long>> WeekAsync(string account, CancellationToken cancellation)
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        var days = await statistics.ReadAsync(account, today.AddDays(-6), today, cancellation);
        return days.SelectMany(day => day.Events).GroupBy(kind => kind.Key, kind => kind.Value).ToDictionary(kind => kind.Key, kind => kind.Sum());
    }

    private static ChecklistFinding OfShare(Dictionary<MailEventType, long> week, MailEventType type, string what, double sound, double unsound)
    {
        var (count, delivered) = (week.GetValueOrDefault(type), week.GetValueOrDefault(MailEventType.Delivered));
        var all = type == MailEventType.Bounced ? count + delivered : delivered;
        if (all == 0)
        {
            return ChecklistFinding.Unseen("the account has sent nothing within a week");
        }

        var share = (double)count / all;
        var words = string.Create(CultureInfo.InvariantCulture, $"{count} of {all} messages of the account within a week, {share:0.00%}: {what}");
        return share < sound ? ChecklistFinding.Good(words)
            : share < unsound ? ChecklistFinding.Unseen($"{words}; it should be below {sound.ToString("0.0%", CultureInfo.InvariantCulture)}")
            : ChecklistFinding.Bad(words);
    }

    private static ChecklistFinding OfKey(SendingDomain domain, ILookup<string, RecordFinding> findings)
    {
        var selectors = domain.SigningKeys().Select(key => $"{key.Selector}._domainkey.{domain.Name}").ToList();
        var signing = findings["dkim"].Where(finding => selectors.Contains(finding.Name)).ToList();
        return signing.Count == 0 ? ChecklistFinding.Unseen("nobody has looked yet: verify the domain first")
            : signing.Find(finding => finding.State != RecordState.Verified) is { } bad ? ChecklistFinding.Bad(bad.Advice)
            : ChecklistFinding.Good($"every message is signed; the DNS has {string.Join(" and ", domain.SigningKeys().Select(key => key.Selector))}");
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
