using System.Text.Json;
using System.Text.Json.Serialization;
using Relay.Mail;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Webhooks;

namespace Relay.Delivery.Hooks;

/// <summary>What is posted of an event: what the message's timeline shows, in the same words, and whose it is.</summary>
internal sealed record EventBody(string Type, DateTimeOffset Timestamp, EventFacts Data)
{
    private const string TestType = "webhook.test";

    public static byte[] Write(MailEvent happened, MessageSummary? summary) =>
        Write(new EventBody(Word.Of(happened.Type), happened.Time, EventFacts.Of(happened, summary)));

    /// <summary>Of an event that belongs to no message.</summary>
    public static byte[] WriteTest(EventWebhook webhook, DateTimeOffset asked) =>
        Write(new EventBody(TestType, asked, new EventFacts { Webhook = webhook.Id }));

    private static byte[] Write(EventBody body) => JsonSerializer.SerializeToUtf8Bytes(body, EventJson.Default.EventBody);
}

/// <summary>As in <c>GET /messages/{id}</c>. What is not known is left out.</summary>
internal sealed record EventFacts : ToldEvent
{
    // With more a body would be large for nothing: they came in the request, and each is told of by itself.
    private const int MostRecipients = 100;

    public EventFacts()
    {
    }

    private EventFacts(ToldEvent told)
        : base(told)
    {
    }

    /// <summary>Of the message.</summary>
    public string? Id { get; init; }

    /// <summary>Its Message-ID.</summary>
    public string? MessageId { get; init; }

    public string? From { get; init; }
    public string? Subject { get; init; }

    [JsonPropertyOrder(2)]
    public IReadOnlyList<string>? Recipients { get; init; }

    /// <summary><c>live</c> or <c>test</c>.</summary>
    [JsonPropertyOrder(4)]
    public string? Mode { get; init; }

    /// <summary><c>transactional</c>, <c>bulk</c> or <c>inbound</c>.</summary>
    [JsonPropertyOrder(4)]
    public string? MessageClass { get; init; }

    [JsonPropertyOrder(4)]
    public IReadOnlyList<string>? Tags { get; init; }

    [JsonPropertyOrder(4)]
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>In a test: the one that is tried.</summary>
    [JsonPropertyOrder(4)]
    public string? Webhook { get; init; }

    /// <param name="summary">The message as lists show it; null where that is not kept.</param>
    public static EventFacts Of(MailEvent happened, MessageSummary? summary) => new(ToldEvent.Of(happened))
    {
        Id = happened.Message.ToString(),
        MessageId = summary?.MessageId,
        From = summary?.From,
        Subject = summary?.Subject,
        Recipients = happened.Recipient is null && summary?.Recipients.Count <= MostRecipients ? summary.Recipients : null,
        Stream = happened.Stream ?? summary?.Stream,
        Mode = summary is null ? null : Word.Of(summary.Mode),
        MessageClass = summary is null ? null : Word.Of(summary.Class),
        Tags = summary?.Tags is { Count: > 0 } tags ? tags : null,
        Metadata = summary?.Metadata,
    };
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EventBody))]
internal sealed partial class EventJson : JsonSerializerContext;
