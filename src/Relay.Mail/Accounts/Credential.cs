using Relay.Mail.Messages;

namespace Relay.Mail.Accounts;

/// <summary>An account: whose mail, domains and keys these are.</summary>
public sealed record Account(string Id, string Name, DateTimeOffset CreatedAt)
{
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

    /// <summary>Failures of its SMTP submissions go to the envelope sender as a report.</summary>
    public bool BounceMail { get; init; } = true;

    /// <summary>The configured admin key: full access, and may name another account.</summary>
    public bool IsAdmin { get; init; }
}

public enum CredentialScope
{
    Send,
    Read,
    Manage,
}
