using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Intake.Http.Json;

/// <summary>One text, or a list of them.</summary>
internal sealed class TextListConverter : JsonConverter<IReadOnlyList<string>>
{
    // More than any request may have; a list without end is left off while it is being read.
    private const int MostTexts = 1_000;

    public override IReadOnlyList<string> Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return [ReadText(ref reader, "", "must be a text, or a list of texts")];
        }

        var texts = new List<string>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (texts.Count == MostTexts)
            {
                throw new FieldException($"holds more than {MostTexts} texts");
            }

            texts.Add(ReadText(ref reader, $"[{texts.Count}]", "must be a text"));
        }

        return texts;
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<string> value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var text in value)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }

    private static string ReadText(ref Utf8JsonReader reader, string within, string rule) =>
        reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new FieldException(rule, within);
}
