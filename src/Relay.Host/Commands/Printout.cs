using System.Text.Encodings.Web;
using System.Text.Json;
using Spectre.Console;

namespace Relay.Host.Commands;

/// <summary>How an answer is shown: a table on a terminal, tab-separated lines into a pipe, JSON where it is asked for.</summary>
internal sealed class Printout(bool json)
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public bool IsJson => json;

    public static bool IsTerminal => !Console.IsOutputRedirected;

    /// <summary>The whole answer as it came; true when that is what was asked for.</summary>
    public bool Whole(JsonElement answer)
    {
        if (!json)
        {
            return false;
        }

        using var output = Console.OpenStandardOutput();
        using (var writer = new Utf8JsonWriter(output, Indented))
        {
            answer.WriteTo(writer);
        }

        output.WriteByte((byte)'\n');
        return true;
    }

    public static void Table(string[] columns, IReadOnlyList<string?[]> rows, string empty)
    {
        if (!IsTerminal)
        {
            foreach (var row in rows)
            {
                Console.WriteLine(string.Join('\t', row.Select(Plain)));
            }

            return;
        }

        if (rows.Count == 0)
        {
            Console.WriteLine(empty);
            return;
        }

        var table = new Table().Border(TableBorder.Rounded);
        foreach (var (column, index) in columns.Select((column, index) => (column, index)))
        {
            // What stands first, an id mostly, is there to be copied; the others make way for it.
            table.AddColumn(new TableColumn(new Text(column, new Style(decoration: Decoration.Bold))) { NoWrap = index == 0 });
        }

        foreach (var row in rows)
        {
            table.AddRow(row.Select(cell => new Text(Plain(cell))).ToArray());
        }

        AnsiConsole.Write(table);
    }

    /// <summary>Named values, one a line.</summary>
    public static void Facts(params (string Name, string? Value)[] facts)
    {
        var width = facts.Max(fact => fact.Name.Length) + 2;
        foreach (var (name, value) in facts.Where(fact => !string.IsNullOrEmpty(fact.Value)))
        {
            Console.WriteLine(name.PadRight(width) + Plain(value));
        }
    }

    /// <summary>One line, as it is to be copied.</summary>
    public static void Line(string text) => Console.WriteLine(Plain(text));

    /// <summary>About what was printed, on the side: a pipe gets the lines alone.</summary>
    public static void Note(string message) => Console.Error.WriteLine($"relay: {Plain(message)}");

    public static void Problem(string message) => Console.Error.WriteLine($"relay: {message}");

    // What a stranger wrote into a subject must not steer the terminal, nor break a line in two.
    private static string Plain(string? text) =>
        text is null ? "" : string.Create(text.Length, text, (to, from) =>
        {
            for (var i = 0; i < to.Length; i++)
            {
                to[i] = char.IsControl(from[i]) ? ' ' : from[i];
            }
        });
}
