using System.Globalization;

namespace Relay.Intake.Http.Json;

/// <summary>Times as requests name them: ISO 8601, UTC where they name no offset, whatever the zone of this machine.</summary>
internal static class TimeInput
{
    public const string Wanted = "must be a time like 2030-01-31T08:00:00Z";

    private const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
    private static readonly string[] Formats = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK"];

    public static bool TryRead(string text, out DateTimeOffset time) =>
        DateTimeOffset.TryParseExact(text, Formats, CultureInfo.InvariantCulture, Utc, out time);
}
