using System.Text.Json.Serialization.Metadata;

namespace Relay.Intake.Http.Json;

/// <summary>Says what is wrong with a field that the serializer did not take: it knows what stands there, and its types what should.</summary>
internal static class FieldRule
{
    /// <param name="request">What was to be read.</param>
    /// <param name="field">As the refusal names it: <c>attachments[0].filename</c>.</param>
    /// <param name="isValue">The value is at fault. Else it may be the name: unknown, or there twice.</param>
    public static string Of(JsonTypeInfo request, string field, bool isValue)
    {
        var (type, property) = (request, default(JsonPropertyInfo));
        foreach (var part in field.Split('.'))
        {
            var name = part.Split('[')[0];
            var place = type;
            property = place.Properties.FirstOrDefault(known => known.Name == name);
            if (property is null)
            {
                return $"is not a field here; there are {string.Join(", ", place.Properties.Select(known => known.Name))}";
            }

            type = request.Options.GetTypeInfo(property.PropertyType);
            if (part.Contains('[', StringComparison.Ordinal) && type is { Kind: JsonTypeInfoKind.Enumerable, ElementType: { } element })
            {
                (type, property) = (request.Options.GetTypeInfo(element), null);
            }
        }

        // A converter of our own says itself what is wrong with a value.
        return isValue ? RuleOf(type)
            : property?.CustomConverter is not null || type.Kind == JsonTypeInfoKind.None ? "stands there twice"
            : $"{RuleOf(type)}, and stand there once";
    }

    private static string RuleOf(JsonTypeInfo type) => type switch
    {
        { Kind: JsonTypeInfoKind.Enumerable } => "must be a list",
        { Kind: not JsonTypeInfoKind.None } => "must be an object",
        _ => RuleOf(Nullable.GetUnderlyingType(type.Type) ?? type.Type),
    };

    // Half a surrogate pair and octets that are not UTF-8 are a text to nobody (RFC 8259, 8).
    private static string RuleOf(Type type) =>
        type == typeof(string) ? "must be a text of valid Unicode"
        : type == typeof(bool) ? "must be true or false"
        : type == typeof(long) || type == typeof(int) ? "must be a whole number"
        : type == typeof(double) ? "must be a number"
        : type == typeof(DateTimeOffset) ? TimeInput.Wanted
        : "has a value of the wrong type, or a text that is not valid Unicode";
}
