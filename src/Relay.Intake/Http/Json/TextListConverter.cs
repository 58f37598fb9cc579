using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Intake.Http.Json;

/// <summary>One text, or a list of them.</summary>
internal sealed class TextListConverter : JsonConverter<IReadOnlyList<string>>
{
    public override IReadOnlyList<string> Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return [ReadText(ref reader, "")];
        }

        var texts = new List<string>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            texts.Add(ReadText(ref reader, $"[{texts.Count}]"));
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

    private static string ReadText(ref Utf8JsonReader reader, string within) =>
        reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new FieldException("must be a text", within);
}
