using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Host.Commands;

/// <summary>The options that say what an account or a key may send.</summary>
internal static class LimitArguments
{
    public static readonly Option<double?> PerSecond = NumberOption.Create<double>("--per-second", "Messages a second, 0.1 for six a minute; what comes faster waits.");
    public static readonly Option<long?> PerDay = NumberOption.Create<long>("--per-day", "Recipients a day (UTC); what is more is refused.");
    public static readonly Option<long?> PerMonth = NumberOption.Create<long>("--per-month", "Recipients a month (UTC); what is more is refused.");

    /// <summary>Null when none was given.</summary>
    public static GivenLimits? Read(ParseResult parsed)
    {
        var given = new GivenLimits(parsed.GetValue(PerSecond), parsed.GetValue(PerDay), parsed.GetValue(PerMonth));
        return given == new GivenLimits(null, null, null) ? null : given;
    }

    public static string Json(GivenLimits? limits) => JsonSerializer.Serialize(limits ?? new GivenLimits(null, null, null), LimitJson.Default.GivenLimits);

    /// <summary>In one cell of a table.</summary>
    public static string Shown(JsonElement limits) => string.Join(
        ", ",
        new[] { ("perSecond", "second"), ("perDay", "day"), ("perMonth", "month") }
            .Where(limit => limits.Text(limit.Item1) is not null)
            .Select(limit => string.Create(CultureInfo.InvariantCulture, $"{limits.Text(limit.Item1)} a {limit.Item2}")));

    public sealed record GivenLimits(double? PerSecond, long? PerDay, long? PerMonth);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LimitArguments.GivenLimits))]
internal sealed partial class LimitJson : JsonSerializerContext;
