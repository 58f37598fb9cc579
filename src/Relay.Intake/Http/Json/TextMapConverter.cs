using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Intake.Http.Json;

/// <summary>Texts by name.</summary>
internal sealed class TextMapConverter : JsonConverter<IReadOnlyDictionary<string, string>>
{
    // More than any request may have. A map without end is left off while it is being read: each entry costs many times its octets.
    private const int MostEntries = 1_000;

    public override IReadOnlyDictionary<string, string> Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new FieldException("must be an object of texts");
        }

        var texts = new Dictionary<string, string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (texts.Count == MostEntries)
            {
                throw new FieldException($"holds more than {MostEntries} entries");
            }

            var name = reader.GetString()!;
            reader.Read();
            if (!texts.TryAdd(name, ReadText(ref reader, name)))
            {
                throw new FieldException("stands there twice", $".{name}", FieldFault.Name);
            }
        }

        return texts;
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyDictionary<string, string> value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (name, text) in value)
        {
            writer.WriteString(name, text);
        }

        writer.WriteEndObject();
    }

    // Whoever checks the entries names those that are null beside all else that is wrong.
    private static string ReadText(ref Utf8JsonReader reader, string name) => reader.TokenType switch
    {
        JsonTokenType.String => reader.GetString()!,
        JsonTokenType.Null => null!,
        _ => throw new FieldException("must be a text", $".{name}"),
    };
}
