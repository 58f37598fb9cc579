namespace Relay.Mail.Accounts;

/// <summary>A single address that an account sends as, where the domain is not its own: whoever reads its mail has said yes.</summary>
/// <param name="Address">In lower case, the domain as A-labels.</param>
public sealed record VerifiedSender(string Id, string Account, string Address, DateTimeOffset CreatedAt)
{
    /// <summary>Since when it may be sent as; null until its owner has said yes.</summary>
    public DateTimeOffset? VerifiedAt { get; init; }

    /// <summary>SHA-256 of the secret in the link that was mailed last; null when it was used.</summary>
    public byte[]? LinkHash { get; init; }

    /// <summary>When that link was mailed.</summary>
    public DateTimeOffset? MailedAt { get; init; }
}
