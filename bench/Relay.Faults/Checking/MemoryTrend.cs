using System.Globalization;

namespace Relay.Faults.Checking;

/// <summary>Whether what a process holds grows with time, from what it was seen to hold.</summary>
/// <param name="PercentAnHour">The slope of the line through the medians of equal spans, in per cent of their mean.</param>
/// <param name="Doubt">Its standard error, in the same unit.</param>
internal readonly record struct MemoryTrend(double MeanMiB, double PercentAnHour, double Doubt, TimeSpan Over)
{
    /// <summary>The line of growth that FAULTS draws for a soak, in per cent an hour.</summary>
    private const double Allowed = 1;

    // What a collector leaves lying changes from second to second, and neighbours are alike: a median stands for each span.
    private const int Spans = 20;

    // The first of them: what is loaded, compiled and remembered for the first time.
    private const int WarmUp = 5;

    // A line through half an hour says more about the collector than about growth.
    private static readonly TimeSpan Shortest = TimeSpan.FromMinutes(60);

    /// <summary>Null where too little was seen to say anything.</summary>
    public static MemoryTrend? Of(IReadOnlyList<(TimeSpan At, long KiB)> seen)
    {
        if (seen.Count < Spans * 3 || seen[^1].At - seen[0].At < Shortest)
        {
            return null;
        }

        var span = (seen[^1].At - seen[0].At) / Spans;
        var points = seen
            .GroupBy(s => Math.Min(Spans - 1, (int)((s.At - seen[0].At) / span)))
            .Where(g => g.Key >= WarmUp)
            .Select(g => (X: (g.Key + 0.5) * span.TotalHours, Y: Median(g.Select(s => s.KiB / 1024.0))))
            .ToList();
        var (x, y) = (points.Average(p => p.X), points.Average(p => p.Y));
        var width = points.Sum(p => (p.X - x) * (p.X - x));
        var slope = points.Sum(p => (p.X - x) * (p.Y - y)) / width;
        var error = Math.Sqrt(points.Sum(p => Math.Pow(p.Y - y - (slope * (p.X - x)), 2)) / (points.Count - 2) / width);
        return new MemoryTrend(y, slope / y * 100, error / y * 100, span * (Spans - WarmUp));
    }

    /// <summary>It grows, and by more than chance would have it in one of forty runs.</summary>
    public bool Grows => PercentAnHour - (2 * Doubt) > Allowed;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{MeanMiB:0} MiB, {PercentAnHour:+0.0;-0.0} % an hour (give or take {Doubt:0.0}) over {Over.TotalMinutes:0} minutes");

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
