using System.Text.Json.Serialization;
using Relay.Mail.Classification;

namespace Relay.Mail.Events;

/// <summary>
/// What is told of an event, in the same words wherever it is: in the timeline of a message, and posted to a webhook. What is
/// not known is null, and left out.
/// </summary>
// Programs may depend on where a field stands, though they should not. Whoever adds fields of its own puts them around these by
// their order: those in front of all have none, what stands behind the recipient 2, and behind all 4.
public record ToldEvent
{
    /// <summary>Whom it is about; left out where it is about the whole message.</summary>
    [JsonPropertyOrder(1)]
    public string? Recipient { get; init; }

    [JsonPropertyOrder(3)]
    public int? Attempt { get; init; }

    [JsonPropertyOrder(3)]
    public string? Host { get; init; }

    [JsonPropertyOrder(3)]
    public string? Address { get; init; }

    [JsonPropertyOrder(3)]
    public string? Tls { get; init; }

    /// <summary>By whose word the connection had to be safe.</summary>
    [JsonPropertyOrder(3)]
    public string? TlsPolicy { get; init; }

    /// <summary>What proved the host.</summary>
    [JsonPropertyOrder(3)]
    public string? TlsProof { get; init; }

    [JsonPropertyOrder(3)]
    public string? Reply { get; init; }

    /// <summary>The rule that decided, by its id.</summary>
    [JsonPropertyOrder(3)]
    public string? Rule { get; init; }

    /// <summary>What that rule takes it for: <c>unknown-user</c>, <c>mailbox-full</c>, <c>blocked</c>.</summary>
    [JsonPropertyOrder(3)]
    public string? Class { get; init; }

    /// <summary>Who would have to change something.</summary>
    [JsonPropertyOrder(3)]
    public string? Fault { get; init; }

    /// <summary>With <c>complained</c> and <c>unsubscribed</c>: the stream that is meant; left out, all mail.</summary>
    [JsonPropertyOrder(3)]
    public string? Stream { get; init; }

    /// <summary>Who decided, where a person did: the key, by its id.</summary>
    [JsonPropertyOrder(3)]
    public string? By { get; init; }

    [JsonPropertyOrder(3)]
    public DateTimeOffset? NextAttempt { get; init; }

    [JsonPropertyOrder(3)]
    public bool? MayHaveBeenDelivered { get; init; }

    public static ToldEvent Of(MailEvent happened)
    {
        var explained = happened.Rule is { } rule ? ReplyClassifier.Default.Explain(rule) : null;
        return new ToldEvent
        {
            Recipient = happened.Recipient,
            Attempt = happened.Attempt,
            Host = happened.Host,
            Address = happened.Address,
            Tls = happened.Tls,
            TlsPolicy = happened.TlsPolicy,
            TlsProof = happened.TlsProof,
            Reply = happened.Reply,
            Rule = happened.Rule,
            Class = explained?.Class,
            Fault = explained is { Fault: var fault } ? Word.Of(fault) : null,
            Stream = happened.Stream,
            By = happened.By,
            NextAttempt = happened.NextAttempt,
            MayHaveBeenDelivered = happened.MayHaveBeenDelivered,
        };
    }
}
