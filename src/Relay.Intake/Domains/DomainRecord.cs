using System.Text.Json;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;
using Relay.Mail.Signing;

namespace Relay.Intake.Domains;

/// <summary>A DNS record that a domain publishes, or should.</summary>
/// <param name="Required">Without it the domain is not verified.</param>
/// <param name="Reason">What it is good for.</param>
/// <param name="Key">The key whose public half it is; null for all others.</param>
internal sealed record DomainRecord(RecordPurpose Purpose, RecordType Type, string Name, string Value, bool Required, string Reason, DkimKey? Key = null)
{
    /// <summary>The purpose as the API names it.</summary>
    public string Word { get; } = JsonNamingPolicy.KebabCaseLower.ConvertName(Purpose.ToString());
}

internal enum RecordPurpose
{
    Ownership,
    Dkim,
    ReturnPath,
    ReturnPathSpf,
    Spf,
    Dmarc,
    Tracking,
}

/// <summary>The records of a domain, to the letter as they are to be published.</summary>
internal sealed class RecordList(RelayHosts hosts, DomainOptions options)
{
    public RelayHosts Hosts => hosts;

    public IReadOnlyList<DomainRecord> Of(SendingDomain domain)
    {
        var signing = domain.SigningKeys();
        return
        [
            new(RecordPurpose.Ownership, RecordType.Txt, $"_relay.{domain.Name}", $"relay-verify={domain.OwnershipToken}", true,
                "Proves that whoever added the domain here also writes its zone."),
            .. domain.Keys.Select(key => OfKey(domain, key, signing.Contains(key))),
            .. hosts.Exchangers.Select(host => new DomainRecord(RecordPurpose.ReturnPath, RecordType.Mx, ReturnPathOf(domain), $"10 {host}", false,
                "Bounces come back to this name, and SPF is aligned with it. An alias to a name with both records serves as well.")),
            new(RecordPurpose.ReturnPathSpf, RecordType.Txt, ReturnPathOf(domain), $"v=spf1 {string.Join(' ', hosts.Mechanisms)} -all", false,
                "Lets receivers see that this relay may use the return path (RFC 7208)."),
            new(RecordPurpose.Spf, RecordType.Txt, domain.Name, $"v=spf1 {string.Join(' ', hosts.Mechanisms)} ~all", false,
                "Lets receivers see that this relay may use the domain as envelope sender (RFC 7208). Each a: costs one of ten look-ups."),
            new(RecordPurpose.Dmarc, RecordType.Txt, $"_dmarc.{domain.Name}", $"v=DMARC1; p=none; rua=mailto:dmarc@{domain.Name}", false,
                "Large receivers demand a DMARC policy of whoever sends much; reports go to the address in rua (RFC 9989)."),
            new(RecordPurpose.Tracking, RecordType.Cname, $"{options.TrackingLabel}.{domain.Name}", hosts.Exchangers[0], false,
                "Only for tracked links, which this version does not write yet."),
        ];
    }

    /// <summary>The text of a key's record (RFC 6376, 3.6.1; RFC 8463, 4).</summary>
    public static string TextOf(DkimKey key) => $"v=DKIM1; k={(key.Algorithm == DkimAlgorithm.Rsa ? "rsa" : "ed25519")}; p={Convert.ToBase64String(key.PublicKey)}";

    private string ReturnPathOf(SendingDomain domain) => $"{options.ReturnPathLabel}.{domain.Name}";

    private DomainRecord OfKey(SendingDomain domain, DkimKey key, bool signs) => new(
        RecordPurpose.Dkim,
        RecordType.Txt,
        $"{key.Selector}._domainkey.{domain.Name}",
        TextOf(key),
        signs && key.Algorithm == DkimAlgorithm.Rsa,
        key switch
        {
            { IsRevoked: true } => "This key was revoked: its record must go at once.",
            { RetiredAt: { } retired } => $"This key signs no more. Keep its record until {retired + options.RetiredKeysStay:yyyy-MM-dd} for mail that is under way, then remove it.",
            _ when !signs && key.SeenAt is null => "The next key: it takes over by itself once its record is seen.",
            { Algorithm: DkimAlgorithm.Ed25519 } => "A second signature, Ed25519 (RFC 8463), for receivers that know it.",
            _ => "Every message is signed with this key; without the record receivers cannot check the signature (RFC 6376).",
        },
        key);
}
