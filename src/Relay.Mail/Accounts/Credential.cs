using System.Net;
using System.Text.Json.Serialization;
using Relay.Mail.Messages;

namespace Relay.Mail.Accounts;

/// <summary>An account: whose mail, domains and keys these are.</summary>
public sealed record Account(string Id, string Name, DateTimeOffset CreatedAt)
{
    /// <summary>Its own limits; null is what the configuration says for all.</summary>
    public SendingLimits? Limits { get; init; }

    /// <summary>The account of a fresh installation and of the admin key.</summary>
    public const string Default = "default";
}

/// <summary>A key, which is also an SMTP password. The key itself is shown once and never kept.</summary>
public sealed record Credential
{
    public required string Id { get; init; }
    public required string Account { get; init; }
    public required string Name { get; init; }

    /// <summary>SHA-256 of the key, 32 octets. The key has at least 160 random bits, so a slow hash would add nothing.</summary>
    public required byte[] KeyHash { get; init; }

    public MessageMode Mode { get; init; }
    public IReadOnlyList<CredentialScope> Scopes { get; init; } = [CredentialScope.Send, CredentialScope.Read, CredentialScope.Manage];
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>From this time on it is worth no more than a wrong key.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The only domains it may send as, of those the account may: <c>shop.example</c>, or <c>*.shop.example</c> for all below. Empty is no limit.</summary>
    public IReadOnlyList<string> Domains { get => field ?? []; init; }

    /// <summary>The only networks it may be used from, as <see cref="AddressRange"/> writes them. Empty is no limit.</summary>
    public IReadOnlyList<string> AddressRanges { get => field ?? []; init; }

    /// <summary>What it may send of what the account may.</summary>
    public SendingLimits? Limits { get; init; }

    /// <summary>Failures of its SMTP submissions go to the envelope sender as a report.</summary>
    public bool BounceMail { get; init; } = true;

    /// <summary>The configured admin key: full access, and may name another account.</summary>
    public bool IsAdmin { get; init; }

    /// <summary>It may less than its account, beyond its scopes.</summary>
    [JsonIgnore]
    public bool IsConfined => Domains.Count > 0 || AddressRanges.Count > 0 || ExpiresAt is not null || Limits is { HasQuota: true } or { PerSecond: not null };

    /// <summary>Neither revoked nor past its time.</summary>
    public bool IsGoodAt(DateTimeOffset now) => RevokedAt is null && !(ExpiresAt <= now);

    /// <summary>May it be used from this address? One that is not known is none of those it names.</summary>
    public bool MayComeFrom(IPAddress? address) =>
        AddressRanges.Count == 0
        || (address is not null && AddressRanges.Any(range => AddressRange.TryParse(range, out var parsed) && parsed.Contains(address)));

    /// <summary>May it name this domain as its sender?</summary>
    /// <param name="domain">Lower case, A-labels.</param>
    public bool MaySendAs(string domain) =>
        Domains.Count == 0
        || Domains.Any(own => own.StartsWith("*.", StringComparison.Ordinal) ? domain.EndsWith(own[1..], StringComparison.Ordinal) : domain == own);
}

public enum CredentialScope
{
    Send,
    Read,
    Manage,
}
