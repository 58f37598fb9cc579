using System.Globalization;
using Relay.Load.Traffic;
using Spectre.Console;

namespace Relay.Load.Rounds;

/// <summary>A line for every round, then medians side by side and how the first compares with the others.</summary>
internal static class RoundsReport
{
    private const double MiB = 1024 * 1024;

    public static void WriteRound(int number, string target, RoundResult result)
    {
        AnsiConsole.MarkupLineInterpolated(
            $"round {number} [bold]{target}[/]: accepted {result.AcceptedPerSecond:0}/s, delivered {result.DeliveredPerSecond:0}/s, CPU {result.CpuPerThousand:0.000} s/1000, others took {100 * result.TakenByOthers:0} %, lost {result.Lost}, doubles {result.Duplicates}");
        if (result.Store is { } store)
        {
            var busiest = store.Commands.OrderByDescending(c => c.Value).Take(8).Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Key} {(double)c.Value / Math.Max(1, result.Accepted):0.00}"));
            AnsiConsole.MarkupLineInterpolated($"  store, per message: {string.Join(", ", busiest)}");
        }

        if (result.FirstRefusal is { } refusal)
        {
            AnsiConsole.MarkupLineInterpolated($"  [red]{result.Refused} refused, the first:[/] {refusal}");
        }
    }

    public static void WriteMedians(IReadOnlyList<(string Target, IReadOnlyList<RoundResult> Rounds)> results)
    {
        var table = new Table().AddColumn("median of the rounds");
        foreach (var (target, _) in results)
        {
            table.AddColumn(new TableColumn(target).RightAligned());
        }

        foreach (var (other, _) in results.Skip(1))
        {
            table.AddColumn(new TableColumn($"{results[0].Target} / {other}").RightAligned());
        }

        Row("accepted, messages/s", r => r.AcceptedPerSecond, "0");
        Row("delivered, messages/s", r => r.DeliveredPerSecond, "0");
        Row("CPU s per 1000", r => r.CpuPerThousand, "0.000");
        foreach (var part in results.SelectMany(r => r.Rounds[0].Costs.Keys).Distinct())
        {
            Row($"  of it {part}", r => r.CpuPerThousandOf(part), "0.000", compare: false);
        }

        Row("CPU s per 1000, generator and sink", r => r.GeneratorCpuPerThousand, "0.000", compare: false);
        Row("peak memory, MiB", r => r.Costs.Values.Sum(cost => cost.Memory) / MiB, "0");
        Row("memory in the end (PSS), MiB", r => r.Costs.Values.Sum(cost => cost.Held) / MiB, "0");
        Latency("accept", r => r.AcceptLatency);
        Latency("delivery", r => r.DeliveryLatency);
        Row("allocated per message, KiB", r => (r.AllocatedBytes ?? 0) / 1024.0 / Math.Max(1, r.Accepted), "0.0", compare: false);
        Row("store commands per message", r => (double)(r.Store?.Total ?? 0) / Math.Max(1, r.Accepted), "0.0", compare: false);
        Row("store log per message, KiB", r => (r.Store?.Log ?? 0) / 1024.0 / Math.Max(1, r.Accepted), "0.0", compare: false);
        Row("connections to the sink", r => r.Connections, "0", compare: false);
        Row("machine taken by others, %", r => 100 * r.TakenByOthers, "0", compare: false);
        Row("lost (worst round)", r => r.Lost, "0", compare: false, Enumerable.Max);
        Row("doubles (worst round)", r => r.Duplicates, "0", compare: false, Enumerable.Max);
        AnsiConsole.Write(table);

        void Latency(string of, Func<RoundResult, Latency> latency)
        {
            Row($"{of} p50, ms", r => latency(r).P50.TotalMilliseconds, "0.00", compare: false);
            Row($"{of} p95, ms", r => latency(r).P95.TotalMilliseconds, "0.00", compare: false);
            Row($"{of} p99, ms", r => latency(r).P99.TotalMilliseconds, "0.00", compare: false);
        }

        void Row(
            string name, Func<RoundResult, double> value, string format, bool compare = true,
            Func<IEnumerable<double>, double>? summary = null)
        {
            var values = results.Select(result => (summary ?? Median)(result.Rounds.Select(value))).ToList();
            var ratios = values.Skip(1).Select(other => compare && other > 0 ? Text(values[0] / other, "0.00") : "");
            table.AddRow([name, .. values.Select(v => v == 0 && format != "0" ? "–" : Text(v, format)), .. ratios]);
        }
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static double Median(IEnumerable<double> values)
    {
        var ordered = values.Order().ToList();
        return (ordered[(ordered.Count - 1) / 2] + ordered[ordered.Count / 2]) / 2;
    }
}
