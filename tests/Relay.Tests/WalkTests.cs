using System.Xml.Linq;
using Relay.TestKit;

namespace Relay.Tests;

/// <summary>The arrows of the walk: a project refers only to what stands to its left.</summary>
public sealed class WalkTests
{
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Relay.Smtp"] = [],
        ["Relay.Mail"] = ["Relay.Smtp"],
        ["Relay.Intake"] = ["Relay.Mail", "Relay.Smtp"],
        ["Relay.Delivery"] = ["Relay.Mail", "Relay.Smtp"],
        ["Relay.Feedback"] = ["Relay.Mail", "Relay.Smtp"],
        ["Relay.Redis"] = ["Relay.Mail", "Relay.Smtp"],
        ["Relay.Dashboard"] = ["Relay.Mail"],
        ["Relay.Host"] = ["Relay.Smtp", "Relay.Mail", "Relay.Intake", "Relay.Delivery", "Relay.Feedback", "Relay.Redis", "Relay.Dashboard"],
    };

    // Libraries that only one stop may know.
    private static readonly Dictionary<string, string> Owners = new()
    {
        ["StackExchange.Redis"] = "Relay.Redis",
        ["RocksDB"] = "Relay.Redis",
        ["DnsClient"] = "Relay.Delivery",
        ["OpenTelemetry.Extensions.Hosting"] = "Relay.Host",
        ["System.CommandLine"] = "Relay.Host",
    };

    public static TheoryData<string> Projects => [.. Directory.GetDirectories(Path.Combine(Repository.Root, "src")).Select(d => Path.GetFileName(d)!)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_refers_only_to_what_stands_to_its_left(string project)
    {
        var file = XDocument.Load(Path.Combine(Repository.Root, "src", project, project + ".csproj"));
        var references = file.Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value));
        var packages = file.Descendants("PackageReference").Select(r => r.Attribute("Include")!.Value);

        Assert.Contains(project, Arrows.Keys);
        Assert.Empty(references.Except(Arrows[project]));
        Assert.DoesNotContain(packages, package => Owners.TryGetValue(package, out var owner) && owner != project);
    }
}
