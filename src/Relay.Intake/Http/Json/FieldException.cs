using System.Text.Json;

namespace Relay.Intake.Http.Json;

/// <summary>A value is well-formed JSON but not what its field takes. The serializer adds the path to it.</summary>
/// <param name="text">For the client.</param>
/// <param name="within">The place below the converter's own path, <c>[1]</c>.</param>
internal sealed class FieldException(string text, string within = "") : JsonException(text)
{
    public string Within => within;
}
