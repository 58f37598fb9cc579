using Relay.Intake.Http.Messages;
using Relay.Mail.Accounts;

namespace Relay.Intake.Http.Domains;

internal sealed record DomainRequest
{
    public string? Name { get; init; }
}

internal sealed record DomainView(
    string Id, string Name, string Status, IReadOnlyList<RecordView> Records, DateTimeOffset CreatedAt, DateTimeOffset? CheckedAt)
{
    public static DomainView Of(SendingDomain domain, string? seen = null) => new(
        domain.Id,
        domain.Name,
        Word.Of(domain.Status),
        [RecordView.Ownership(domain, seen)],
        domain.CreatedAt,
        domain.CheckedAt);
}

/// <summary>A DNS record that a domain must publish, and what to do about it.</summary>
internal sealed record RecordView(string Type, string Name, string Value, string Purpose, bool Required, string Status, string Advice)
{
    public static RecordView Ownership(SendingDomain domain, string? seen) => new(
        "TXT",
        OwnershipRecord.NameOf(domain),
        OwnershipRecord.ValueOf(domain),
        "ownership",
        Required: true,
        Word.Of(domain.Status),
        domain.Status switch
        {
            SendingDomainStatus.Verified => "Nothing to do. Leave the record in place.",
            _ when seen is not null => seen,
            _ => "Publish this record at your DNS provider, then call POST /domains/{id}/verify.",
        });
}

/// <summary>Proof that whoever added a domain here also writes its zone.</summary>
internal static class OwnershipRecord
{
    public static string NameOf(SendingDomain domain) => $"_relay.{domain.Name}";

    public static string ValueOf(SendingDomain domain) => $"relay-verify={domain.OwnershipToken}";
}
