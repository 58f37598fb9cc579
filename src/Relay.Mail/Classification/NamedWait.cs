using System.Globalization;
using System.Text.RegularExpressions;

namespace Relay.Mail.Classification;

/// <summary>
/// How long a refusal asks us to wait: "try again in 300 seconds", "greylisted for 5 minutes", "please come back in 00:05:00",
/// "wait an hour". Only a time that stands behind a word of coming back counts: most numbers in refusals are limits.
/// </summary>
public static partial class NamedWait
{
    /// <summary>Nobody is obeyed for longer: mail would lie about for a wrong word of a stranger.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    // A reply that has more to say than this says it about something else.
    private const int MaxText = 1_000;

    /// <summary>Null where the text names no time, or none worth waiting for.</summary>
    public static TimeSpan? Find(string text)
    {
        var looked = text.Length > MaxText ? text[..MaxText] : text;
        foreach (var found in Waits().EnumerateMatches(looked))
        {
            if (TimeOf(looked.AsSpan(found.Index, found.Length)) is { } wait && wait > TimeSpan.Zero)
            {
                return wait < Longest ? wait : Longest;
            }
        }

        return null;
    }

    private static TimeSpan? TimeOf(ReadOnlySpan<char> phrase)
    {
        foreach (var clock in Clock().EnumerateMatches(phrase))
        {
            return ClockOf(phrase.Slice(clock.Index, clock.Length));
        }

        var sum = TimeSpan.Zero;
        foreach (var part in Parts().EnumerateMatches(phrase))
        {
            sum += PartOf(phrase.Slice(part.Index, part.Length));

            // More changes nothing, and a thousand lifetimes added up are no time at all.
            if (sum >= Longest)
            {
                return Longest;
            }
        }

        return sum;
    }

    // 00:04:30. Its hours are no hours of a day: 72:00:00 is three.
    private static TimeSpan ClockOf(ReadOnlySpan<char> clock)
    {
        var minutes = clock.IndexOf(':') + 1;
        return new TimeSpan(NumberIn(clock[..(minutes - 1)]), NumberIn(clock.Slice(minutes, 2)), NumberIn(clock[^2..]));
    }

    // 300 seconds, 5min, an hour.
    private static TimeSpan PartOf(ReadOnlySpan<char> part)
    {
        var digits = part.IndexOfAnyExceptInRange('0', '9');
        var count = digits == 0 ? 1 : NumberIn(part[..digits]);
        var unit = (digits == 0 ? part[part.IndexOf(' ')..] : part[digits..]).TrimStart(" -");
        return char.ToLowerInvariant(unit[0]) switch
        {
            's' => TimeSpan.FromSeconds(count),
            'm' => TimeSpan.FromMinutes(count),
            'h' => TimeSpan.FromHours(count),
            _ => TimeSpan.FromDays(count),
        };
    }

    private static int NumberIn(ReadOnlySpan<char> digits) => int.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);

    // Not \d, which takes the digits of all scripts: whoever writes the others is not understood, and a number does not begin behind them.
    private const string Part = @"\b(?:[0-9]{1,6}[ -]?|(?:an?|one) )(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|days?)\b";
    private const string Time = @"(?:\b[0-9]{1,2}:[0-5][0-9]:[0-5][0-9]\b|" + Part + "(?:,? (?:and )?" + Part + ")*)";

    private const string Return =
        @"\b(?:try|tried|trying|retry|retries|retrying|again|back|come|resend|resubmit|resume|gr[ae]y-?list(?:ed|ing)|delay|delayed|deferred|blocked|backoff|attempt)\b";

    // A limit has another small word before its time: 20 messages per 5 minutes. Gap and text are bounded, and so is the search.
    [GeneratedRegex(
        @"(?:\bwait(?:ing)? (?:for |at least |another |about )?|" + Return + @"[^.!;]{0,40}?(?:\b(?:in|for|after|least|within|another|about|of) |[(:=] ?))" + Time,
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Waits();

    [GeneratedRegex(@"\b[0-9]{1,2}:[0-5][0-9]:[0-5][0-9]$", RegexOptions.CultureInvariant)]
    private static partial Regex Clock();

    [GeneratedRegex(Part, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Parts();
}
