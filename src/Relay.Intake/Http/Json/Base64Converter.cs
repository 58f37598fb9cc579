using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Intake.Http.Json;

/// <summary>Octets as base 64 (RFC 4648, 4).</summary>
internal sealed class Base64Converter : JsonConverter<byte[]>
{
    public override byte[] Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && reader.TryGetBytesFromBase64(out var octets)
            ? octets
            : throw new FieldException("is not base 64");

    public override void Write(Utf8JsonWriter writer, byte[] value, JsonSerializerOptions options) => writer.WriteBase64StringValue(value);
}
