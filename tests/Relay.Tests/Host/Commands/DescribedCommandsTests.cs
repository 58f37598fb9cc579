using System.CommandLine;
using System.Reflection;
using System.Text.RegularExpressions;
using Relay.Host.Commands;
using Relay.TestKit;

namespace Relay.Tests.Host.Commands;

/// <summary>Who works with a relay reads <c>ops/guide/command-line.md</c>: it names every command, and what guides show to be typed is understood.</summary>
public sealed partial class DescribedCommandsTests
{
    private const string Guide = "command-line.md";

    private static readonly RootCommand Relay = Commands();

    public static TheoryData<string> Typed => [.. Guides.Files.SelectMany(Guides.ShellLines).Select(RelayIn).OfType<string>().Distinct()];

    [Fact]
    public void Every_command_is_described_and_none_that_is_not_there() =>
        Assert.Equal(Leaves(Relay, "relay").Order(StringComparer.Ordinal), Described().Distinct().Order(StringComparer.Ordinal));

    [Fact]
    public void Every_option_that_it_names_is_one()
    {
        var known = All(Relay).SelectMany(command => command.Options).Select(option => option.Name).Append("--help").ToHashSet();
        var named = Option().Matches(File.ReadAllText(Path.Combine(Guides.Folder, Guide))).Select(match => match.Value).ToHashSet();

        Assert.NotEmpty(named);
        Assert.Empty(named.Except(known));
    }

    [Theory]
    [MemberData(nameof(Typed))]
    public void What_is_shown_to_be_typed_is_understood(string line) =>
        Assert.Empty(Relay.Parse(line).Errors.Select(error => error.Message));

    // As Program has them. Each command stands in a class of its own that makes it.
    private static RootCommand Commands()
    {
        var relay = new RootCommand();
        foreach (var command in typeof(ServeCommand).Assembly.GetTypes()
            .Where(type => type.Namespace == typeof(ServeCommand).Namespace)
            .Select(type => type.GetMethod("Create", BindingFlags.Public | BindingFlags.Static, []))
            .Where(create => create?.ReturnType == typeof(Command)))
        {
            relay.Add((Command)command!.Invoke(null, null)!);
        }

        return relay;
    }

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(All).Prepend(command);

    private static IEnumerable<string> Leaves(Command command, string name) => command.Subcommands.Count == 0
        ? [name]
        : command.Subcommands.SelectMany(inner => Leaves(inner, $"{name} {inner.Name}"));

    // A row's first name stands there whole; of those behind it only the last word.
    private static IEnumerable<string> Described() => Guides.Rows(Guide)
        .Select(row => Guides.Code(row[0]).Select(WordsOf).ToList())
        .Where(names => names is [['r', 'e', 'l', 'a', 'y', ' ', ..], ..])
        .SelectMany(names => names.Select((name, i) => i == 0 ? name : $"{names[0][..names[0].LastIndexOf(' ')]} {name}"));

    private static string WordsOf(string code) => string.Join(' ', code.Split(' ').TakeWhile(word => Word().IsMatch(word)));

    private static string? RelayIn(string line) => Called().Match(line) is { Success: true } called ? called.Groups[1].Value : null;

    [GeneratedRegex("^[a-z]+$")]
    private static partial Regex Word();

    [GeneratedRegex("(?<![a-z-])--[a-z][a-z-]*")]
    private static partial Regex Option();

    // Alone, under its path, or behind settings for it.
    [GeneratedRegex(@"^(?:[A-Za-z_0-9]+=\S+ +)*(?:\S*/)?relay +(.+)$")]
    private static partial Regex Called();
}
