using System.Globalization;
using Relay.Load.Rounds;
using Spectre.Console;

namespace Relay.Load.Backlog;

/// <summary>What a full queue did to a relay, beside what the same relay did with an empty one.</summary>
internal sealed record BacklogFigures
{
    public required int Queued { get; init; }
    public required int Domains { get; init; }
    public required RoundResult Empty { get; init; }
    public required RoundResult Full { get; init; }

    /// <summary>Of the relay's process, in octets: before the queue was filled, at most while it was, and with it full.</summary>
    public required (long Empty, long Filling, long Full) Resident { get; init; }

    /// <summary>CPU a second with the queue full and nothing sent.</summary>
    public required double IdleCpu { get; init; }

    /// <summary>From the start of the process: to ready, and to the first delivery of a message sent then.</summary>
    public required (TimeSpan Ready, TimeSpan Delivered) Restart { get; init; }

    public double CpuRatio => Ratio(Full.CpuPerThousand, Empty.CpuPerThousand);

    public double RateRatio => Ratio(Full.DeliveredPerSecond, Empty.DeliveredPerSecond);

    public void Write()
    {
        var table = new Table().AddColumn($"{Queued} units queued for {Domains} dead destinations").AddColumns("queue empty", "queue full", "full / empty");
        Row("delivered elsewhere, messages/s", Empty.DeliveredPerSecond, Full.DeliveredPerSecond, "0");
        Row("CPU s per 1000", Empty.CpuPerThousand, Full.CpuPerThousand, "0.000");
        Row("  of it relay", Empty.CpuPerThousandOf("relay"), Full.CpuPerThousandOf("relay"), "0.000");
        Row("  of it redis", Empty.CpuPerThousandOf("redis"), Full.CpuPerThousandOf("redis"), "0.000");
        Row("accept p50, ms", Empty.AcceptLatency.P50.TotalMilliseconds, Full.AcceptLatency.P50.TotalMilliseconds, "0.0");
        Row("accept p99, ms", Empty.AcceptLatency.P99.TotalMilliseconds, Full.AcceptLatency.P99.TotalMilliseconds, "0.0");
        Row("delivery p50, ms", Empty.DeliveryLatency.P50.TotalMilliseconds, Full.DeliveryLatency.P50.TotalMilliseconds, "0.0");
        Row("relay resident, MiB", MiB(Resident.Empty), MiB(Resident.Full), "0");
        Row("lost", Empty.Lost, Full.Lost, "0");
        Row("machine taken by others, %", 100 * Empty.TakenByOthers, 100 * Full.TakenByOthers, "0");
        AnsiConsole.Write(table);
        AnsiConsole.MarkupLineInterpolated($"relay resident while it was filled: at most {MiB(Resident.Filling):0} MiB");
        AnsiConsole.MarkupLineInterpolated($"with the queue full and nothing sent: {IdleCpu * 100:0.0} % of a core, relay and store");
        AnsiConsole.MarkupLineInterpolated($"restart: ready after {Restart.Ready.TotalSeconds:0.0} s, first delivery after {Restart.Delivered.TotalSeconds:0.0} s");

        void Row(string name, double empty, double full, string format) => table.AddRow(
            name, Text(empty, format), Text(full, format), empty > 0 ? Text(Ratio(full, empty), "0.00") : "");
    }

    /// <summary>How many times the second the first is; 0 where there is nothing to compare with.</summary>
    public static double Ratio(double full, double empty) => empty > 0 ? full / empty : 0;

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static double MiB(long octets) => octets / 1024.0 / 1024.0;
}
