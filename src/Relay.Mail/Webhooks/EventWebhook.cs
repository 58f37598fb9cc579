using System.Text.Json.Serialization;
using Relay.Mail.Events;

namespace Relay.Mail.Webhooks;

/// <summary>Where an account wants to be told what happens to its mail, as it happens.</summary>
public sealed record EventWebhook
{
    public required string Id { get; init; }
    public required string Account { get; init; }
    public required Uri Url { get; init; }

    /// <summary>The kinds of events it is told of; empty is all, those of later versions too.</summary>
    public IReadOnlyList<MailEventType> Events { get => field ?? []; init; }

    /// <summary>What posts are signed with, as <see cref="Signing.KeySeal"/> sealed it for <see cref="SecretPlace"/>.</summary>
    public required byte[] Secret { get; init; }

    /// <summary>The secret before: until <see cref="FormerUntil"/> posts are signed with it too, so that the program can change over.</summary>
    public byte[]? FormerSecret { get; init; }

    public DateTimeOffset? FormerUntil { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The credential that made it.</summary>
    public required string By { get; init; }

    [JsonIgnore]
    public string SecretPlace => $"webhook {Id}";

    public bool Wants(MailEventType type) => Events.Count == 0 || Events.Contains(type);
}
