using System.Text.Json;
using System.Text.Json.Serialization;
using Relay.Intake.Http.Json;

namespace Relay.Intake.Http.Sending;

/// <summary>The body of <c>POST /send/batch</c>: mails, none of which is read before its turn, so that one that is wrong is so alone.</summary>
[JsonConverter(typeof(BatchConverter))]
internal sealed record BatchRequest(IReadOnlyList<JsonElement> Mails)
{
    /// <summary>As many as a shop sends in a minute; more are another batch.</summary>
    public const int MaxMails = 500;
}

internal sealed class BatchConverter : JsonConverter<BatchRequest>
{
    public override BatchRequest Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new FieldException("the body must be a list of messages, each as POST /send takes it");
        }

        var mails = new List<JsonElement>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (mails.Count == BatchRequest.MaxMails)
            {
                throw new FieldException($"the body holds more than {BatchRequest.MaxMails} messages");
            }

            mails.Add(JsonElement.ParseValue(ref reader));
        }

        return new BatchRequest(mails);
    }

    public override void Write(Utf8JsonWriter writer, BatchRequest value, JsonSerializerOptions options) => throw new NotSupportedException();
}

/// <summary>What became of each, in their order.</summary>
internal sealed record BatchAnswer(IReadOnlyList<BatchAnswer.Item> Items)
{
    /// <param name="Status">As POST /send would have answered: 202, or what the problem says.</param>
    internal sealed record Item(int Status)
    {
        public SendAnswer? Message { get; init; }
        public Problem? Problem { get; init; }
    }
}
