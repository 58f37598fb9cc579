using System.Text;

namespace Relay.Intake.Http.Suppressions;

/// <summary>One line of comma-separated values (RFC 4180, 2). A value cannot go over several lines, since nothing here has any.</summary>
internal static class CsvLine
{
    /// <summary>False where a quoted value does not end, or goes on after its end.</summary>
    public static bool TryRead(string line, out IReadOnlyList<string> values)
    {
        var found = new List<string>();
        values = found;
        for (var at = 0; ;)
        {
            if (!TryReadValue(line, ref at, out var value))
            {
                return false;
            }

            found.Add(value);
            if (at == line.Length)
            {
                return true;
            }

            at++;
        }
    }

    public static string Write(params IEnumerable<string?> values) => string.Join(',', values.Select(Quote));

    // Leaves the place at the comma behind the value, or at the end.
    private static bool TryReadValue(string line, ref int at, out string value)
    {
        if (at == line.Length || line[at] != '"')
        {
            var end = line.IndexOf(',', at);
            value = line[at..(end < 0 ? line.Length : end)].Trim();
            at = end < 0 ? line.Length : end;
            return !value.Contains('"', StringComparison.Ordinal);
        }

        var text = new StringBuilder();
        for (at++; at < line.Length; at++)
        {
            if (line[at] != '"')
            {
                text.Append(line[at]);
            }
            else if (at + 1 < line.Length && line[at + 1] == '"')
            {
                text.Append('"');
                at++;
            }
            else
            {
                at++;
                value = text.ToString();
                return at == line.Length || line[at] == ',';
            }
        }

        value = "";
        return false;
    }

    // A value that a spreadsheet would take for a formula is the spreadsheet's business; but what we write, we can read.
    private static string Quote(string? value) =>
        value is null ? ""
        : value.AsSpan().IndexOfAny("\",\r\n") < 0 && value.Trim().Length == value.Length ? value
        : $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal).ReplaceLineEndings(" ")}\"";
}
