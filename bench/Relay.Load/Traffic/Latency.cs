using System.Diagnostics;

namespace Relay.Load.Traffic;

internal readonly record struct Latency(TimeSpan P50, TimeSpan P95, TimeSpan P99)
{
    /// <summary>Percentiles over the messages that have both times.</summary>
    public static Latency Of(long[] from, long[] to)
    {
        var ticks = from.Zip(to).Where(pair => pair is { First: > 0, Second: > 0 })
            .Select(pair => pair.Second - pair.First).Order().ToArray();

        return ticks.Length == 0 ? default : new(At(0.50), At(0.95), At(0.99));

        TimeSpan At(double share) => Stopwatch.GetElapsedTime(0, ticks[(int)Math.Ceiling(share * ticks.Length) - 1]);
    }
}
