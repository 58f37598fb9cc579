using Relay.Feedback.Incoming;
using Relay.Mail.Classification;

namespace Relay.Tests.Feedback.Incoming;

/// <summary>Real, anonymised mail of others, which is not ours to keep here: read where it lies beside the repository.</summary>
public sealed class CorpusTests(ITestOutputHelper output)
{
    /// <summary>Names another place for the folder that holds <c>bounces</c> and <c>arf</c>.</summary>
    private const string Variable = "RELAY_TEST_CORPUS";

    private int _judged;
    private int _right;
    private int _addresses;
    private int _found;

    [Fact]
    public void Real_reports_are_understood()
    {
        foreach (var row in Rows("bounces").Concat(Rows("arf")))
        {
            Judge(row);
        }

        output.WriteLine($"kind and severity: {_right} of {_judged} ({100.0 * _right / _judged:F1} %), recipient: {_found} of {_addresses} ({100.0 * _found / _addresses:F1} %)");
        // Of nothing every part is understood.
        Assert.True(_judged > 0 && _addresses > 0, "the corpus holds no report");
        Assert.True(_right >= 0.95 * _judged, "95 of 100 in kind and severity");
        Assert.True(_found >= 0.97 * _addresses, "97 of 100 in the recipient");
    }

    private void Judge(Row row)
    {
        var report = ReportReader.Read(File.ReadAllBytes(row.Path));
        var recipient = report.Recipients.FirstOrDefault(r => r.Address.Equals(row.Recipient, StringComparison.OrdinalIgnoreCase)) ?? report.Recipients.ElementAtOrDefault(row.Number - 1);
        if (row.Recipient.Length > 0 && row.Outcome != "autoreply" && !row.Recipient.EndsWith(".invalid", StringComparison.Ordinal))
        {
            _addresses++;
            _found += Note(recipient?.Address.Equals(row.Recipient, StringComparison.OrdinalIgnoreCase) ?? false, row, recipient?.Address);
        }

        if (row.Outcome.Length > 0)
        {
            var got = report.Kind switch
            {
                ReportKind.Complaint => "complaint",
                ReportKind.AutoReply => "autoreply",
                ReportKind.Bounce when recipient is not null => recipient.Severity == Severity.Hard ? "hard" : "soft_or_policy",
                ReportKind.Bounce => "bounce",
                _ => "not_bounce",
            };
            _judged++;
            _right += Note(got == row.Outcome || (got == "not_bounce" && row.Outcome is "delivered" or "none"), row, $"{got}, {recipient?.Rule}");
        }
    }

    private int Note(bool right, Row row, string? got)
    {
        if (!right)
        {
            output.WriteLine($"{Path.GetFileName(row.Path)}: {row.Outcome} {row.Recipient}, but read as {got}");
        }

        return right ? 1 : 0;
    }

    private static IEnumerable<Row> Rows(string kind)
    {
        var folder = Path.Combine(Corpus(), kind);
        var lines = File.ReadAllLines(Path.Combine(folder, "index.tsv"));
        var columns = lines[0].Split('\t').ToList();
        foreach (var cells in lines.Skip(1).Select(line => line.Split('\t')))
        {
            string Cell(string name) => columns.IndexOf(name) is var i and >= 0 && i < cells.Length ? cells[i] : "";
            yield return new Row(Path.Combine(folder, Cell("file")), int.TryParse(Cell("n"), out var number) ? number : 1, Cell("coarse"), Cell("parsed_recipient"));
        }
    }

    private static string Corpus()
    {
        var named = Environment.GetEnvironmentVariable(Variable);
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Relay.sln")))
        {
            root = root.Parent;
        }

        var folder = named ?? Path.Combine(root?.Parent?.FullName ?? "/", "shared", "corpus");
        Assert.True(named is null || Directory.Exists(named), $"{Variable} names {named}, where nothing is");

        // The one part that no build server can install: a plain clone is without it, so that missing it fails nobody.
        Assert.SkipUnless(Directory.Exists(folder), $"there is no corpus at {folder}; {Variable} may name another place");
        return folder;
    }

    private sealed record Row(string Path, int Number, string Outcome, string Recipient);
}
