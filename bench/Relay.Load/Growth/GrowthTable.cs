using System.Globalization;
using Relay.Load.Rounds;
using Spectre.Console;

namespace Relay.Load.Growth;

/// <summary>What a message cost at each step, and how that compares with the first step of its kind.</summary>
internal sealed class GrowthTable
{
    // Into a pipe a line has eighty columns otherwise, and each cell would be broken.
    private const int Width = 150;

    private readonly List<GrowthRow> _rows = [];

    public bool IsWithoutLoss => _rows.SelectMany(row => row.Rounds).All(round => round is { Lost: 0, Refused: 0 });

    public void Add(GrowthRow row) => _rows.Add(row);

    public void Write()
    {
        var table = new Table().AddColumn(new TableColumn("").NoWrap()).AddColumns("delivered/s", "CPU s per 1000", "relay", "store", "to the first", "connections", "relay, MiB", "lost", "others, %");
        foreach (var kind in _rows.GroupBy(row => row.What))
        {
            var first = kind.First().Of(round => round.SteadyCpuPerThousand);
            foreach (var row in kind)
            {
                var cpu = row.Of(round => round.SteadyCpuPerThousand);
                table.AddRow(
                    $"{row.Count} {row.What}",
                    Text(row.Of(round => round.DeliveredPerSecond), "0"),
                    Text(cpu, "0.000"),
                    Text(row.Of(round => round.CpuPerThousandOf("relay")), "0.000"),
                    Text(row.Of(round => round.SteadyCpuPerThousand - round.CpuPerThousandOf("relay")), "0.000"),
                    first > 0 ? Text(cpu / first, "0.00") : "",
                    Text(row.Of(round => round.Connections), "0"),
                    Text(row.Resident / 1024.0 / 1024.0, "0"),
                    Text(row.Rounds.Sum(round => round.Lost), "0"),
                    Text(row.Of(round => 100 * round.TakenByOthers), "0"));
            }

            table.AddEmptyRow();
        }

        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, Width);
        AnsiConsole.Write(table);
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}

/// <param name="Rounds">Of the same traffic.</param>
/// <param name="Resident">Octets that the relay had in memory after them.</param>
internal sealed record GrowthRow(string What, int Count, IReadOnlyList<RoundResult> Rounds, long Resident)
{
    // The median.
    public double Of(Func<RoundResult, double> figure) => Rounds.Select(figure).Order().ElementAt(Rounds.Count / 2);
}
