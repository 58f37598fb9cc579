using System.Globalization;
using Relay.Host.Settings;
using Relay.TestKit;

namespace Relay.Tests.Host.Settings;

/// <summary>Who sets a relay up reads <c>ops/guide/configuration.md</c>: it names every setting, no other, and what holds without it.</summary>
public sealed class DescribedSettingsTests
{
    private const string Guide = "configuration.md";

    private static readonly Dictionary<string, string> Described = Guides.Rows(Guide)
        .ToDictionary(row => Guides.Code(row[0]).Single(), row => row[1], StringComparer.Ordinal);

    public static TheoryData<string> Values =>
        [.. Settings(RelaySettings.Tree, "").Where(setting => setting.Setting is Setting.Value && setting.Path != "HostName").Select(setting => setting.Path)];

    [Fact]
    public void Every_setting_is_described_and_none_that_is_not_there() =>
        Assert.Equal(Settings(RelaySettings.Tree, "").Select(setting => setting.Path).Order(StringComparer.Ordinal), Described.Keys.Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Values))]
    public void Its_default_is_the_one_that_holds(string path)
    {
        var value = DefaultOf(path);

        Assert.Equal(value is null or "" ? "none" : $"`{Text(value)}`", Described[path]);
    }

    [Fact]
    public void The_name_is_the_machines() => Assert.Equal("the machine's name", Described["HostName"]);

    private static IEnumerable<(string Path, Setting Setting)> Settings(Setting.Section section, string prefix) => section.Settings.SelectMany(
        entry => entry.Value is Setting.Section inner ? Settings(inner, $"{prefix}{entry.Key}:") : [($"{prefix}{entry.Key}", entry.Value)]);

    private static object? DefaultOf(string path)
    {
        foreach (var (section, type) in RelaySettings.Bound)
        {
            if (section.Length > 0 && !path.StartsWith($"{section}:", StringComparison.Ordinal))
            {
                continue;
            }

            object? place = Activator.CreateInstance(type);
            var names = path[(section.Length == 0 ? 0 : section.Length + 1)..].Split(':');
            foreach (var name in names[..^1])
            {
                place = place?.GetType().GetProperty(name)?.GetValue(place);
            }

            if (place?.GetType().GetProperty(names[^1]) is { } property)
            {
                return property.GetValue(place);
            }
        }

        throw new InvalidOperationException($"no options have {path}");
    }

    private static string Text(object value) => value is bool truth ? truth ? "true" : "false" : Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
