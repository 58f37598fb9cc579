using System.Text.Json.Serialization;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Mail.Suppressions;

/// <summary>An address that an account sends nothing to any more, or nothing of one stream, and the evidence for it.</summary>
public sealed record Suppression
{
    /// <summary>As <see cref="KeyOf"/> has it.</summary>
    public required string Address { get; init; }

    /// <summary>The stream whose mail does not go there; null means all mail of the account.</summary>
    public string? Stream { get; init; }

    public required SuppressionReason Reason { get; init; }
    public required DateTimeOffset Since { get; init; }

    /// <summary>What the remote said, or what the person who added it wrote.</summary>
    public string? Words { get; init; }

    /// <summary>The rule that decided, by its id; null where a person did.</summary>
    public string? Rule { get; init; }

    /// <summary>The message whose fate it was.</summary>
    public MessageId? Message { get; init; }

    /// <summary>The credential of the person who added it, by its id.</summary>
    public string? By { get; init; }

    /// <summary>What it has taken the place of (<see cref="Outweighs"/>).</summary>
    public Suppression? Earlier { get; init; }

    /// <summary>The owner of the address said it himself.</summary>
    [JsonIgnore]
    public bool IsReadersWord => Reason is SuppressionReason.Complaint or SuppressionReason.Unsubscribe;

    /// <summary>When a person let mail go there again; null while it holds.</summary>
    public DateTimeOffset? ReleasedAt { get; init; }

    /// <summary>The credential of that person.</summary>
    public string? ReleasedBy { get; init; }

    /// <summary>
    /// What addresses are compared by: all in lower case, the domain as A-labels. A local part may mean something else in
    /// capitals (RFC 5321, 2.4), but no mailbox in use does, and who complained must not be reached by another spelling.
    /// </summary>
    public static string KeyOf(EnvelopeAddress address) => address.AsciiDomainText.ToLowerInvariant();

    /// <summary>
    /// What an event has proven about its recipient; null when it says nothing against writing there. A mailbox that is gone is
    /// gone for all mail, while who complains or unsubscribes means the stream of that mail, where it had one.
    /// </summary>
    public static Suppression? From(MailEvent happened) =>
        ReasonOf(happened) is { } reason && happened.Recipient is { } recipient && EnvelopeAddress.TryParse(recipient, out var address, out _)
            ? new Suppression
            {
                Address = KeyOf(address),
                Stream = reason == SuppressionReason.Bounce ? null : happened.Stream,
                Reason = reason,
                Since = happened.Time,
                Words = happened.Reply,
                Rule = happened.Rule,
                Message = happened.Message,
            }
            : null;

    /// <summary>
    /// A reader's own word takes the place of a bounce, or of what a person of the account noted: who then releases the address
    /// must see that its owner wants nothing.
    /// </summary>
    public bool Outweighs(Suppression known) => IsReadersWord && !known.IsReadersWord;

    /// <summary>With the evidence that it takes the place of, as far as there was any.</summary>
    public Suppression InPlaceOf(Suppression? known) => this with { Earlier = known is null ? null : known with { Earlier = null } };

    /// <summary>Whether events of this kind may be evidence at all.</summary>
    public static bool MayFollow(MailEventType type) => type is MailEventType.Bounced or MailEventType.Complained or MailEventType.Unsubscribed;

    private static SuppressionReason? ReasonOf(MailEvent happened) => happened.Type switch
    {
        MailEventType.Bounced when happened.Suppresses == true => SuppressionReason.Bounce,
        MailEventType.Complained when happened.Suppresses != false => SuppressionReason.Complaint,
        MailEventType.Unsubscribed when happened.Suppresses != false => SuppressionReason.Unsubscribe,
        _ => null,
    };
}

/// <summary>Why nothing is sent to an address.</summary>
public enum SuppressionReason
{
    /// <summary>There is no such mailbox, or not any more.</summary>
    Bounce,

    /// <summary>Its owner called mail of this account spam.</summary>
    Complaint,

    /// <summary>Its owner wants no more.</summary>
    Unsubscribe,

    /// <summary>A person of the account added it.</summary>
    Manual,
}
