using System.Globalization;

namespace Relay.Host.Commands;

/// <summary>A time as people type it: <c>2026-03-01T18:00:00Z</c>, or a while from now on, or ago: <c>90m</c>, <c>12h</c>, <c>2d</c>.</summary>
internal static class Moment
{
    /// <param name="option">The option it was given with, for the refusal.</param>
    public static DateTimeOffset? Find(string option, string? text) => text is null ? null : Read(option, text);

    /// <summary>A time to come.</summary>
    public static DateTimeOffset Read(string option, string text) => Read(option, text, DateTimeOffset.UtcNow, 1);

    /// <summary>A time that is over: a while is one ago.</summary>
    public static DateTimeOffset ReadPast(string option, string text) => Read(option, text, DateTimeOffset.UtcNow, -1);

    private static DateTimeOffset Read(string option, string text, DateTimeOffset now, int direction)
    {
        if (text.Length > 1 && double.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count)
            && count < 100_000
            && WhileOf(text[^1], count) is { } span)
        {
            return now + (direction * span);
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out var time)
            ? time.ToUniversalTime()
            : throw new CommandFailure(ExitCode.Usage, $"{option} must be a time like 2026-03-01T18:00:00Z or a while like 90m, 12h or 2d");
    }

    private static TimeSpan? WhileOf(char unit, double count) => unit switch
    {
        's' => TimeSpan.FromSeconds(count),
        'm' => TimeSpan.FromMinutes(count),
        'h' => TimeSpan.FromHours(count),
        'd' => TimeSpan.FromDays(count),
        _ => null,
    };
}
