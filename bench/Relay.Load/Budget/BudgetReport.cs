using System.Globalization;
using Relay.Load.Rounds;
using Spectre.Console;

namespace Relay.Load.Budget;

/// <summary>What a message costs at each stop of its walk, and what it asks of kernel, heap and store.</summary>
internal static class BudgetReport
{
    private const double KiB = 1024;

    // Less often than once in a hundred messages tells nothing.
    private const double Rare = 0.01;

    public static void WriteStages(RoundResult round, Samples samples)
    {
        var table = new Table().AddColumn("stage").AddColumns("CPU s per 1000", "of it kernel", "share, %");
        var perSample = round.CpuPerThousand / samples.Total;
        foreach (var stage in Stages.Names)
        {
            var (all, kernel) = samples.Of(stage);
            table.AddRow(stage, Text(all * perSample, "0.000"), Text(kernel * perSample, "0.000"), Text(100.0 * all / samples.Total, "0.0"));
        }

        table.AddRow("all", Text(round.CpuPerThousand, "0.000"), "", Text(100, "0.0"));
        AnsiConsole.Write(table);
        AnsiConsole.MarkupLineInterpolated($"{samples.Total} samples; the stage is that of the innermost frame that tells one, so the runtime's and the kernel's work counts where it is done for someone");
    }

    public static void WriteWork(RoundResult round, IReadOnlyDictionary<string, long> relay, IReadOnlyDictionary<string, long>? redis)
    {
        var table = new Table().AddColumn("for each message").AddColumns("relay", "redis");
        table.AddRow("allocated, KiB", Text((round.AllocatedBytes ?? 0) / KiB / round.Accepted, "0.0"), "");
        table.AddRow("store commands", "", Text((double)(round.Store?.Total ?? 0) / round.Accepted, "0.0"));
        table.AddRow("calls to the kernel", Each(relay, ""), redis is null ? "" : Each(redis, ""));
        foreach (var call in relay.Keys.Union(redis?.Keys ?? []).Where(call => call.Length > 0)
            .OrderByDescending(call => relay.GetValueOrDefault(call) + (redis?.GetValueOrDefault(call) ?? 0)))
        {
            if (relay.GetValueOrDefault(call) + (redis?.GetValueOrDefault(call) ?? 0) >= Rare * round.Accepted)
            {
                table.AddRow($"  of them {call}", Each(relay, call), redis is null ? "" : Each(redis, call));
            }
        }

        AnsiConsole.Write(table);

        string Each(IReadOnlyDictionary<string, long> calls, string name) => Text((double)calls.GetValueOrDefault(name) / round.Accepted, "0.00");
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
