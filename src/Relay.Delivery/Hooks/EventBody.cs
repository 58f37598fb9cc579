using System.Text.Json;
using System.Text.Json.Serialization;
using Relay.Mail.Classification;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Webhooks;

namespace Relay.Delivery.Hooks;

/// <summary>What is posted of an event: what the message's timeline shows, in the same words, and whose it is.</summary>
internal sealed record EventBody(string Type, DateTimeOffset Timestamp, EventFacts Data)
{
    private const string TestType = "webhook.test";

    // With more a body would be large for nothing: they came in the request, and each is told of by itself.
    private const int MostRecipients = 100;

    public static byte[] Write(MailEvent happened, MessageSummary? summary) => Write(new EventBody(WordOf(happened.Type), happened.Time, FactsOf(happened, summary)));

    /// <summary>Of an event that belongs to no message.</summary>
    public static byte[] WriteTest(EventWebhook webhook, DateTimeOffset asked) =>
        Write(new EventBody(TestType, asked, new EventFacts { Webhook = webhook.Id }));

    private static EventFacts FactsOf(MailEvent happened, MessageSummary? summary)
    {
        var explained = happened.Rule is { } rule ? ReplyClassifier.Default.Explain(rule) : null;
        return new EventFacts
        {
            Id = happened.Message.ToString(),
            MessageId = summary?.MessageId,
            From = summary?.From,
            Subject = summary?.Subject,
            Recipient = happened.Recipient,
            Recipients = happened.Recipient is null && summary?.Recipients.Count <= MostRecipients ? summary.Recipients : null,
            Attempt = happened.Attempt,
            Host = happened.Host,
            Address = happened.Address,
            Tls = happened.Tls,
            TlsPolicy = happened.TlsPolicy,
            TlsProof = happened.TlsProof,
            Reply = happened.Reply,
            Rule = happened.Rule,
            Class = explained?.Class,
            Fault = explained is { Fault: var fault } ? WordOf(fault) : null,
            Stream = happened.Stream ?? summary?.Stream,
            By = happened.By,
            NextAttempt = happened.NextAttempt,
            MayHaveBeenDelivered = happened.MayHaveBeenDelivered,
            Mode = summary is null ? null : WordOf(summary.Mode),
            MessageClass = summary is null ? null : WordOf(summary.Class),
            Tags = summary?.Tags is { Count: > 0 } tags ? tags : null,
            Metadata = summary?.Metadata,
        };
    }

    private static byte[] Write(EventBody body) => JsonSerializer.SerializeToUtf8Bytes(body, EventJson.Default.EventBody);

    private static string WordOf<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}

/// <summary>As in <c>GET /messages/{id}</c>. What is not known is left out.</summary>
internal sealed record EventFacts
{
    /// <summary>Of the message.</summary>
    public string? Id { get; init; }

    /// <summary>Its Message-ID.</summary>
    public string? MessageId { get; init; }

    public string? From { get; init; }
    public string? Subject { get; init; }

    /// <summary>Whom it is about; left out where it is about the whole message.</summary>
    public string? Recipient { get; init; }

    public IReadOnlyList<string>? Recipients { get; init; }
    public int? Attempt { get; init; }
    public string? Host { get; init; }
    public string? Address { get; init; }
    public string? Tls { get; init; }
    public string? TlsPolicy { get; init; }
    public string? TlsProof { get; init; }
    public string? Reply { get; init; }
    public string? Rule { get; init; }
    public string? Class { get; init; }
    public string? Fault { get; init; }
    public string? Stream { get; init; }
    public string? By { get; init; }
    public DateTimeOffset? NextAttempt { get; init; }
    public bool? MayHaveBeenDelivered { get; init; }

    /// <summary><c>live</c> or <c>test</c>.</summary>
    public string? Mode { get; init; }

    /// <summary><c>transactional</c>, <c>bulk</c> or <c>inbound</c>.</summary>
    public string? MessageClass { get; init; }

    public IReadOnlyList<string>? Tags { get; init; }
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>In a test: the one that is tried.</summary>
    public string? Webhook { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EventBody))]
internal sealed partial class EventJson : JsonSerializerContext;
