using System.Text.RegularExpressions;

namespace Relay.TestKit;

/// <summary>What is written for people, as tests read it: the README and all other texts beside the code.</summary>
internal static partial class Guides
{
    // What builds and runs leave in a working copy.
    private static readonly string[] Left = ["bin", "obj", ".git", "artifacts", "data", "BenchmarkDotNet.Artifacts"];

    public static string Folder { get; } = Path.Combine(Repository.Root, "ops", "guide");

    public static IReadOnlyList<string> Files { get; } = [.. FilesIn(Repository.Root).Order(StringComparer.Ordinal)];

    public static string NameOf(string file) => Path.GetRelativePath(Repository.Root, file);

    /// <summary>A text without its blocks of code.</summary>
    public static string Prose(string file) => Block().Replace(File.ReadAllText(file), "");

    /// <summary>The cells of each row in the tables of a guide, the lines that name their columns left out.</summary>
    public static IReadOnlyList<string[]> Rows(string guide)
    {
        var lines = Prose(Path.Combine(Folder, guide)).Split('\n');
        return
        [
            .. lines.Where((line, i) => line.StartsWith("| ", StringComparison.Ordinal) && !(i + 1 < lines.Length && lines[i + 1].StartsWith("|---", StringComparison.Ordinal)))
                .Select(line => Bar().Split(line)[1..^1].Select(cell => cell.Trim().Replace(@"\|", "|", StringComparison.Ordinal)).ToArray()),
        ];
    }

    /// <summary>What stands between code marks.</summary>
    public static IReadOnlyList<string> Code(string text) => [.. Marked().Matches(text).Select(match => match.Groups[1].Value)];

    /// <summary>The blocks for the shell, as somebody pastes them.</summary>
    public static IEnumerable<string> ShellBlocks(string file) =>
        Block().Matches(File.ReadAllText(file)).Where(block => block.Groups[1].Value == "sh").Select(block => block.Groups[2].Value);

    /// <summary>Their lines, those that go on put together and remarks left out.</summary>
    public static IEnumerable<string> ShellLines(string file) => ShellBlocks(file)
        .SelectMany(block => Remark().Replace(block, "").Replace("\\\n", " ", StringComparison.Ordinal).Split('\n'))
        .Select(line => line.Trim())
        .Where(line => line.Length > 0);

    private static IEnumerable<string> FilesIn(string folder) => Directory.EnumerateFiles(folder, "*.md").Concat(
        Directory.EnumerateDirectories(folder).Where(inner => !Left.Contains(Path.GetFileName(inner))).SelectMany(FilesIn));

    [GeneratedRegex(@"^```(\w*)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex Bar();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Marked();

    [GeneratedRegex(@" +# .*$", RegexOptions.Multiline)]
    private static partial Regex Remark();
}
