using System.Globalization;
using Relay.Load.Rounds;
using Spectre.Console;

namespace Relay.Load.Backlog;

/// <summary>What a full queue did to a relay, beside what the same relay did with an empty one.</summary>
internal sealed record BacklogFigures
{
    public required int Queued { get; init; }
    public required int Domains { get; init; }

    /// <summary>Rounds of the same traffic, all after one warm-up: first with an empty queue, then with a full one.</summary>
    public required IReadOnlyList<RoundResult> Empty { get; init; }
    public required IReadOnlyList<RoundResult> Full { get; init; }

    /// <summary>With the queue empty, and full; null where there is no Redis.</summary>
    public required (LogRewriting? Empty, LogRewriting? Full) Rewriting { get; init; }

    /// <summary>Of the relay's process, in octets: before the queue was filled, at most while it was, and with it full.</summary>
    public required (long Empty, long Filling, long Full) Resident { get; init; }

    /// <summary>CPU a second with the queue full and nothing sent.</summary>
    public required double IdleCpu { get; init; }

    /// <summary>From the start of the process: to ready, and to the first delivery of a message sent then.</summary>
    public required (TimeSpan Ready, TimeSpan Delivered) Restart { get; init; }

    public double CpuRatio => Ratio(Of(Full, r => r.SteadyCpuPerThousand), Of(Empty, r => r.SteadyCpuPerThousand));

    /// <summary>The same with each message's share of writing the log anew.</summary>
    public double WholeRatio => Ratio(Of(Full, r => r.SteadyCpuPerThousand) + Share(Rewriting.Full, Full), Of(Empty, r => r.SteadyCpuPerThousand) + Share(Rewriting.Empty, Empty));

    /// <summary>How far the rounds with an empty queue lie apart, the largest over the smallest: less than this tells nothing.</summary>
    public double Spread => Ratio(Empty.Max(r => r.SteadyCpuPerThousand), Empty.Min(r => r.SteadyCpuPerThousand));

    public void Write()
    {
        var table = new Table().AddColumn($"{Queued} units queued for {Domains} dead destinations").AddColumns("queue empty", "queue full", "full / empty");
        Rounds("delivered elsewhere, messages/s", r => r.DeliveredPerSecond, "0");
        Rounds("CPU s per 1000", r => r.SteadyCpuPerThousand, "0.000");
        Rounds("  of it relay", r => r.CpuPerThousandOf("relay"), "0.000");
        Rounds("  of it redis", r => r.SteadyCpuPerThousand - r.CpuPerThousandOf("relay"), "0.000");
        Row("beside it, its share of redis rewriting its log", Share(Rewriting.Empty, Empty), Share(Rewriting.Full, Full), "0.000");
        Row("  each time, CPU s", Rewriting.Empty?.Cpu.TotalSeconds ?? 0, Rewriting.Full?.Cpu.TotalSeconds ?? 0, "0.00");
        Row("  and after so many MiB of log", MiB(Rewriting.Empty?.Growth ?? 0), MiB(Rewriting.Full?.Growth ?? 0), "0");
        Rounds("  fell into the rounds", r => r.CpuPerThousand - r.SteadyCpuPerThousand, "0.000");
        Rounds("accept p50, ms", r => r.AcceptLatency.P50.TotalMilliseconds, "0.0");
        Rounds("accept p99, ms", r => r.AcceptLatency.P99.TotalMilliseconds, "0.0");
        Rounds("delivery p50, ms", r => r.DeliveryLatency.P50.TotalMilliseconds, "0.0");
        Row("relay resident, MiB", MiB(Resident.Empty), MiB(Resident.Full), "0");
        Row("lost", Empty.Sum(r => r.Lost), Full.Sum(r => r.Lost), "0");
        Rounds("machine taken by others, %", r => 100 * r.TakenByOthers, "0");
        AnsiConsole.Write(table);
        AnsiConsole.MarkupLineInterpolated($"a message costs {100 * (CpuRatio - 1):+0;-0} % with the queue full, {100 * (WholeRatio - 1):+0;-0} % with its share of rewriting; rounds with it empty lie {100 * (Spread - 1):0} % apart");
        AnsiConsole.MarkupLineInterpolated($"relay resident while it was filled: at most {MiB(Resident.Filling):0} MiB");
        AnsiConsole.MarkupLineInterpolated($"with the queue full and nothing sent: {IdleCpu * 100:0.0} % of a core, relay and store");
        AnsiConsole.MarkupLineInterpolated($"restart: ready after {Restart.Ready.TotalSeconds:0.0} s, first delivery after {Restart.Delivered.TotalSeconds:0.0} s");

        void Rounds(string name, Func<RoundResult, double> figure, string format) => Row(name, Of(Empty, figure), Of(Full, figure), format);

        void Row(string name, double empty, double full, string format) => table.AddRow(
            name, Text(empty, format), Text(full, format), empty > 0 ? Text(Ratio(full, empty), "0.00") : "");
    }

    /// <summary>How many times the second the first is; 0 where there is nothing to compare with.</summary>
    public static double Ratio(double full, double empty) => empty > 0 ? full / empty : 0;

    // Of the round in whose course the log was not written anew, which would make it shorter.
    private static double Share(LogRewriting? rewriting, IReadOnlyList<RoundResult> rounds) => rewriting is null ? 0 : rounds.Max(rewriting.PerThousand);

    // The median.
    private static double Of(IReadOnlyList<RoundResult> rounds, Func<RoundResult, double> figure) =>
        rounds.Select(figure).Order().ElementAt(rounds.Count / 2);

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static double MiB(long octets) => octets / 1024.0 / 1024.0;
}
