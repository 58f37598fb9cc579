using System.Text.Json;
using System.Text.Json.Serialization;
using Relay.Intake.Http.Json;

namespace Relay.Intake.Http.Sending;

/// <summary>The body of <c>POST /send/batch</c>: mails, none of which is read before its turn, so that one that is wrong is so alone.</summary>
/// <param name="Mails">Where each stands in the body. To take them all apart at once would cost several times the body.</param>
[JsonConverter(typeof(BatchConverter))]
internal sealed record BatchRequest(IReadOnlyList<Range> Mails)
{
    /// <summary>As many as a shop sends in a minute; more are another batch.</summary>
    public const int MaxMails = 500;
}

/// <summary>Only for a body that lies in one piece: its places are counted from the beginning of that.</summary>
internal sealed class BatchConverter : JsonConverter<BatchRequest>
{
    public override BatchRequest Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new FieldException("the body must be a list of messages, each as POST /send takes it");
        }

        var mails = new List<Range>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (mails.Count == BatchRequest.MaxMails)
            {
                throw new FieldException($"the body holds more than {BatchRequest.MaxMails} messages");
            }

            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            mails.Add(start..(int)reader.BytesConsumed);
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
