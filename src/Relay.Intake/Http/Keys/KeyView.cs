using Relay.Intake.Http.Limits;
using Relay.Mail;
using Relay.Mail.Accounts;

namespace Relay.Intake.Http.Keys;

/// <summary>A key as the API shows it.</summary>
internal sealed record KeyView
{
    public required string Id { get; init; }
    public required string Name { get; init; }
    public required string Account { get; init; }

    /// <summary>This once.</summary>
    public string? Key { get; init; }

    public required string Mode { get; init; }
    public required IReadOnlyList<string> Scopes { get; init; }

    /// <summary>Left out where it may send as all that the account may.</summary>
    public IReadOnlyList<string>? Domains { get; init; }

    /// <summary>Left out where it may be used from anywhere.</summary>
    public IReadOnlyList<string>? AddressRanges { get; init; }

    public LimitsView? Limits { get; init; }
    public required bool BounceMail { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? ExpiresAt { get; init; }
    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>To the minute, and told within some minutes.</summary>
    public DateTimeOffset? LastUsedAt { get; init; }

    public static KeyView Of(Credential credential) => new()
    {
        Id = credential.Id,
        Name = credential.Name,
        Account = credential.Account,
        Mode = Word.Of(credential.Mode),
        Scopes = [.. credential.Scopes.Select(Word.Of)],
        Domains = credential.Domains is [] ? null : credential.Domains,
        AddressRanges = credential.AddressRanges is [] ? null : credential.AddressRanges,
        Limits = LimitsView.Of(credential.Limits),
        BounceMail = credential.BounceMail,
        CreatedAt = credential.CreatedAt,
        ExpiresAt = credential.ExpiresAt,
        RevokedAt = credential.RevokedAt,
    };
}
