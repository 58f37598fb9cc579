namespace Relay.Mail.Templates;

/// <summary>What an account's mail is written from: subject, text and HTML with places for variables.</summary>
public sealed record MailTemplate
{
    public required string Id { get; init; }
    public required string Account { get; init; }

    /// <summary>For people.</summary>
    public required string Name { get; init; }

    /// <summary>One at first, one more with each change.</summary>
    public required int Version { get; init; }

    public string? Subject { get; init; }
    public string? Text { get; init; }
    public string? Html { get; init; }

    /// <summary>Mail that lacks a variable which the template prints is refused, instead of being sent with a gap.</summary>
    public bool IsStrict { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset ChangedAt { get; init; }

    /// <summary>The credential that made this version.</summary>
    public required string By { get; init; }
}
