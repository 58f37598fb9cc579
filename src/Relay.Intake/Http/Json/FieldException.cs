using System.Text.Json;

namespace Relay.Intake.Http.Json;

/// <summary>A value is well-formed JSON but not what its field takes. The serializer adds the path to it.</summary>
/// <param name="text">For the client.</param>
/// <param name="within">The place below the converter's own path, <c>[1]</c>.</param>
/// <param name="fault">What of it.</param>
internal sealed class FieldException(string text, string within = "", FieldFault fault = FieldFault.Value) : JsonException(text)
{
    public string Within => within;

    public FieldFault Fault => fault;
}

/// <summary>What of a field is not as it should be.</summary>
internal enum FieldFault
{
    Value,

    /// <summary>The name, which stands there twice.</summary>
    Name,

    /// <summary>The list that the field is an item of.</summary>
    List,
}
