using System.Globalization;
using Relay.Faults.Checking;
using Relay.Faults.Stores;
using Spectre.Console;

namespace Relay.Faults.Commands;

/// <summary>The table, and below it what broke.</summary>
internal static class Report
{
    private static readonly string[] Columns =
        ["", "store", "seed", "rounds", "accepted", "unknown", "delivered", "bounced", "lost", "doubled", "admitted", "unexplained", "worst kill", "published", "measured", "s", ""];

    public static void Write(IReadOnlyList<Row> rows)
    {
        // A file or a pipe has no width; a table cut to 80 columns says nothing.
        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = 220;
        }

        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns(Columns);
        foreach (var row in rows)
        {
            table.AddRow([.. Cells(row).Select(Markup.Escape)]);
        }

        AnsiConsole.Write(table);
        foreach (var row in rows)
        {
            WriteDetails(row);
        }
    }

    public static void WriteDetails(Row row)
    {
        foreach (var note in row.Verdict?.Notes ?? [])
        {
            AnsiConsole.MarkupLineInterpolated($"{row.Scenario.Id} {StoreKinds.WordOf(row.Request.Store)}: {note}");
        }

        foreach (var finding in row.Verdict?.Findings.Take(20) ?? [])
        {
            AnsiConsole.MarkupLineInterpolated($"[red]{row.Scenario.Id} {StoreKinds.WordOf(row.Request.Store)} seed {row.Request.Seed}: {finding}[/]");
        }

        if (row.Verdict is { Holds: false } broken)
        {
            AnsiConsole.MarkupLineInterpolated($"[red]{broken.Findings.Count} findings; history in {broken.History}[/]");
        }
    }

    private static string[] Cells(Row row)
    {
        var store = StoreKinds.WordOf(row.Request.Store);
        if (row.Verdict is not { } v)
        {
            return [row.Scenario.Id, store, Number(row.Request.Seed), .. Enumerable.Repeat("", Columns.Length - 4), row.WhyNot!.Split('\n')[0]];
        }

        return
        [
            v.Scenario, store, Number(v.Seed), Number(v.Rounds), Number(v.Accepted), Number(v.Unanswered), Number(v.Delivered), Number(v.Bounced),
            Number(v.Lost), Number(v.Doubled), Number(v.Admitted), Number(v.Unexplained), Number(v.WorstKill),
            Promises.WordOf(v.Published), Promises.WordOf(v.Measured), Number((int)v.Took.TotalSeconds), v.Holds ? "holds" : $"{v.Findings.Count} findings",
        ];
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
