using System.Text.Json;
using System.Text.Json.Serialization;
using Relay.Mail.Accounts;
using Relay.Mail.Events;
using Relay.Mail.Inbox;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;
using Relay.Mail.Policies;
using Relay.Mail.Queue;
using Relay.Mail.Routes;
using Relay.Mail.Sites;
using Relay.Mail.Suppressions;
using Relay.Mail.Templates;
using Relay.Mail.Tokens;
using Relay.Mail.Webhooks;
using Relay.Redis.Nodes;

namespace Relay.Redis.Records;

/// <summary>The JSON of everything kept. Enumerations stand as words, so that their order in code means nothing.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    Converters = [typeof(MessageIdConverter)])]
[JsonSerializable(typeof(MessageHeader))]
[JsonSerializable(typeof(UnitState))]
[JsonSerializable(typeof(MailEvent))]
[JsonSerializable(typeof(Transcript))]
[JsonSerializable(typeof(UnreadableEntry))]
[JsonSerializable(typeof(Relay.Redis.Queue.DrainedUnit))]
[JsonSerializable(typeof(UnreadableDocument))]
[JsonSerializable(typeof(NodeRecord))]
[JsonSerializable(typeof(Account))]
[JsonSerializable(typeof(Credential))]
[JsonSerializable(typeof(SendingDomain))]
[JsonSerializable(typeof(VerifiedSender))]
[JsonSerializable(typeof(MailTemplate))]
[JsonSerializable(typeof(Suppression))]
[JsonSerializable(typeof(CapturedMessage))]
[JsonSerializable(typeof(AsideMail))]
[JsonSerializable(typeof(InboundRoute))]
[JsonSerializable(typeof(EventWebhook))]
[JsonSerializable(typeof(KeptStsPolicy))]
[JsonSerializable(typeof(IReadOnlyList<TlsPolicyTotals>))]
[JsonSerializable(typeof(KeptTokenKey))]
[JsonSerializable(typeof(Suspension))]
[JsonSerializable(typeof(QueueAsk))]
[JsonSerializable(typeof(AskProgress))]
[JsonSerializable(typeof(ShareTable))]
[JsonSerializable(typeof(IReadOnlyList<SiteStatus>))]
internal sealed partial class RecordJson : JsonSerializerContext;

internal sealed class MessageIdConverter : JsonConverter<MessageId>
{
    public override MessageId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        MessageId.TryParse(reader.GetString(), out var id) ? id : throw new JsonException("not a message id");

    public override void Write(Utf8JsonWriter writer, MessageId value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}

/// <summary>A copy of a document that cannot be read.</summary>
/// <param name="Document">In base 64: it may be anything.</param>
internal sealed record UnreadableDocument(string Key, string Field, string Document, string Reason, DateTimeOffset Time);

/// <summary>What stands in the list of entries set aside.</summary>
internal sealed record UnreadableEntry(string Unit, string Lane, string Reason, DateTimeOffset Time);
