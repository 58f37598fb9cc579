using System.Globalization;

namespace Relay.Delivery.Providers;

/// <summary>What a provider is sent at the most, however well it takes it.</summary>
/// <param name="Connections">At the same time, from all nodes together.</param>
/// <param name="MessagesPerConnection">Before it is closed.</param>
/// <param name="Rate">Messages in a time; null for as many as go.</param>
internal sealed record Ceilings(int Connections, int MessagesPerConnection, Rate? Rate = null);

/// <summary>So many messages in so long a time: <c>500/1m</c>.</summary>
internal readonly record struct Rate(int Messages, TimeSpan Time)
{
    // Nobody's mail waits for longer, and whatever is reckoned with it stays far from the end of what a time can hold.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(366);

    public static Rate Parse(string text) =>
        TryParse(text, out var rate) ? rate : throw new FormatException($"'{text}' is no rate, such as 500/1m, 10/1s or 5000/1h");

    public static bool TryParse(string text, out Rate rate)
    {
        rate = default;
        if (text.Split('/') is not [var messages, { Length: > 1 } time]
            || !int.TryParse(messages, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count == 0
            || !int.TryParse(time.AsSpan(0, time.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var units) || units == 0
            || UnitOf(time[^1]) is not { } unit || units > Longest / unit)
        {
            return false;
        }

        rate = new Rate(count, units * unit);
        return true;
    }

    public override string ToString() => Time switch
    {
        { TotalHours: var hours } when hours == (int)hours => string.Create(CultureInfo.InvariantCulture, $"{Messages}/{hours}h"),
        { TotalMinutes: var minutes } when minutes == (int)minutes => string.Create(CultureInfo.InvariantCulture, $"{Messages}/{minutes}m"),
        { TotalSeconds: var seconds } => string.Create(CultureInfo.InvariantCulture, $"{Messages}/{seconds}s"),
    };

    private static TimeSpan? UnitOf(char unit) => unit switch
    {
        's' => TimeSpan.FromSeconds(1),
        'm' => TimeSpan.FromMinutes(1),
        'h' => TimeSpan.FromHours(1),
        _ => null,
    };
}
