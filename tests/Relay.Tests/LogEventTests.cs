using System.Text.RegularExpressions;
using Relay.TestKit;

namespace Relay.Tests;

/// <summary>Whoever looks for a line by the number of its event finds that line alone.</summary>
public sealed partial class LogEventTests
{
    [Fact]
    public void No_two_messages_of_a_log_have_the_same_number()
    {
        var files = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Select(file => (Name: Path.GetFileName(file), Numbers: NumberLine().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value).ToList()))
            .Where(file => file.Numbers.Count > 0)
            .ToList();

        Assert.Contains(files, file => file.Name == "DeliveryLog.cs");
        Assert.Empty(files.SelectMany(file => file.Numbers.CountBy(number => number).Where(count => count.Value > 1).Select(count => $"{file.Name} {count.Key}")));
    }

    [GeneratedRegex(@"\[LoggerMessage\(EventId = (\d+)")]
    private static partial Regex NumberLine();
}
