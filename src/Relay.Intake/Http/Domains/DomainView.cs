using Relay.Intake.Domains;
using Relay.Mail;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;

namespace Relay.Intake.Http.Domains;

internal sealed record DomainRequest
{
    public string? Name { get; init; }

    /// <summary><c>allow</c> or <c>exact</c>.</summary>
    public string? Subdomains { get; init; }
}

/// <param name="Subdomains"><c>allow</c>: it covers all that is below it; <c>exact</c>: it covers itself alone.</param>
internal sealed record SubdomainsRequest(string? Subdomains);

/// <param name="Subdomains"><c>allow</c> or <c>exact</c>.</param>
/// <param name="SendsUntil">While it is failing: until when it may still be sent as.</param>
internal sealed record DomainView(
    string Id,
    string Name,
    string Status,
    string Subdomains,
    IReadOnlyList<RecordView> Records,
    IReadOnlyList<KeyPairView> Keys,
    DateTimeOffset CreatedAt,
    DateTimeOffset? CheckedAt,
    DateTimeOffset? SendsUntil,
    IReadOnlyList<DomainEventView> Events)
{
    public static DomainView Of(SendingDomain domain, RecordList list, TimeSpan grace) => new(
        domain.Id,
        domain.Name,
        Word.Of(domain.Status),
        domain.IsExact ? "exact" : "allow",
        [.. list.Of(domain).Select(record => RecordView.Of(record, domain))],
        [.. domain.Keys.Select(key => KeyPairView.Of(key, domain))],
        domain.CreatedAt,
        domain.CheckedAt,
        domain.FailingSince + grace,
        [.. domain.Events.Select(happened => new DomainEventView(happened.Time, Word.Of(happened.Type), happened.Text))]);
}

internal sealed record DomainEventView(DateTimeOffset Time, string Type, string Text);

/// <summary>A DNS record that a domain should publish, what it is good for, and what to do about it.</summary>
/// <param name="Value">Whole, as most providers' forms take it.</param>
/// <param name="ZoneLine">The same as a zone file has it: a long text cut into strings of 255 octets.</param>
internal sealed record RecordView(
    string Type, string Name, string Value, string ZoneLine, string Purpose, string Reason, bool Required, string Status, string Advice)
{
    public static RecordView Of(DomainRecord record, SendingDomain domain)
    {
        var found = domain.Findings.FirstOrDefault(finding => finding.Purpose == record.Word && finding.Name == record.Name);
        var type = record.Type.ToString().ToUpperInvariant();
        return new RecordView(
            type,
            record.Name,
            record.Value,
            $"{record.Name}. 3600 IN {type} {(record.Type == RecordType.Txt ? TextRecord.InZoneFile(record.Value) : $"{record.Value}.")}",
            record.Word,
            record.Reason,
            record.Required,
            Word.Of(found?.State ?? RecordState.Pending),
            AdviceOn(record, found));
    }

    private static string AdviceOn(DomainRecord record, RecordFinding? found) => (record.Key, found) switch
    {
        ({ IsRevoked: true }, { State: RecordState.Verified }) => "The record of a revoked key is still published. Remove it now.",
        ({ RetiredAt: not null }, _) => "Nothing to do but to remove it in time.",
        (_, null) => "Publish this record at your DNS provider, then call POST /domains/{id}/verify.",
        (_, { Advice: { Length: > 0 } advice }) => advice,
        _ => "Nothing to do. Leave the record in place.",
    };
}

/// <summary>A DKIM key; its private half is shown to nobody.</summary>
internal sealed record KeyPairView(string Selector, string Algorithm, string Status, DateTimeOffset CreatedAt, DateTimeOffset? SeenAt, DateTimeOffset? RetiredAt)
{
    public static KeyPairView Of(DkimKey key, SendingDomain domain) => new(
        key.Selector,
        Word.Of(key.Algorithm),
        key.IsRevoked ? "revoked" : key.RetiredAt is not null ? "retired" : domain.SigningKeys().Contains(key) ? "signing" : "waiting",
        key.CreatedAt,
        key.SeenAt,
        key.RetiredAt);
}

internal sealed record ChecklistView(string Domain, IReadOnlyList<ChecklistLineView> Items)
{
    public static ChecklistView Of(SendingDomain domain, IReadOnlyList<ChecklistLine> lines) =>
        new(domain.Name, [.. lines.Select(line => new ChecklistLineView(line.Number, line.Requirement, line.Who, Word.Of(line.Now.Kind), line.Now.Finding))]);
}

/// <param name="Status"><c>good</c>, <c>bad</c>, or <c>unseen</c> where the relay cannot see it.</param>
internal sealed record ChecklistLineView(int Number, string Requirement, string Who, string Status, string Finding);
