using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Intake.Http.Json;

/// <summary>An address as the client wrote it: a text, or an object of <c>email</c> and <c>name</c>.</summary>
internal sealed record AddressInput(string? Text, string? Email = null, string? Name = null);

internal sealed class AddressConverter : JsonConverter<AddressInput>
{
    private const string Rule = "must be an address, as a text or as an object { email, name }";

    public override AddressInput Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => Read(ref reader, "");

    public override void Write(Utf8JsonWriter writer, AddressInput value, JsonSerializerOptions options) => throw new NotSupportedException();

    internal static AddressInput Read(ref Utf8JsonReader reader, string within) => reader.TokenType switch
    {
        JsonTokenType.String => new AddressInput(reader.GetString()),
        JsonTokenType.StartObject => ReadObject(ref reader, within),
        _ => throw new FieldException(Rule, within),
    };

    private static AddressInput ReadObject(ref Utf8JsonReader reader, string within)
    {
        string? email = null, name = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("email"u8) && email is null)
            {
                email = ReadText(ref reader, $"{within}.email");
            }
            else if (reader.ValueTextEquals("name"u8) && name is null)
            {
                name = ReadText(ref reader, $"{within}.name");
            }
            else
            {
                throw new FieldException("takes email and name, each once, and nothing else", within);
            }
        }

        return email is null ? throw new FieldException("has no email", within) : new AddressInput(null, email, name);
    }

    private static string ReadText(ref Utf8JsonReader reader, string within) =>
        reader.Read() && reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new FieldException("must be a text", within);
}

/// <summary>One address, or a list of them.</summary>
internal sealed class AddressListConverter : JsonConverter<IReadOnlyList<AddressInput>>
{
    // As many as any configuration allows a message; a list without end is left off while it is being read.
    private const int MostAddresses = 100_000;

    public override IReadOnlyList<AddressInput> Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return [AddressConverter.Read(ref reader, "")];
        }

        var addresses = new List<AddressInput>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (addresses.Count == MostAddresses)
            {
                throw new FieldException($"holds more than {MostAddresses} addresses");
            }

            addresses.Add(AddressConverter.Read(ref reader, $"[{addresses.Count}]"));
        }

        return addresses;
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<AddressInput> value, JsonSerializerOptions options) =>
        throw new NotSupportedException();
}
