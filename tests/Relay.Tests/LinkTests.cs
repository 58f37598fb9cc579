using System.Text.RegularExpressions;
using Relay.TestKit;

namespace Relay.Tests;

/// <summary>Whoever follows a link in what is written here arrives.</summary>
public sealed partial class LinkTests
{
    public static TheoryData<string> Files => [.. Guides.Files.Select(Guides.NameOf)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Each_link_leads_to_a_file_and_to_a_heading_that_are_there(string name)
    {
        var file = Path.Combine(Repository.Root, name);

        Assert.All(LinksOf(Guides.Prose(file)), link => Assert.True(Leads(file, link), $"{link} leads nowhere"));
    }

    [Fact]
    public void A_link_to_nowhere_is_found()
    {
        const string text = "[a](README.md) [b](no.md) [c](README.md#no-such) [d][e] `[f](not-a-link.md)` <https://there.example> [g](https://there.example)\n\n[e]: #elsewhere";
        var file = Path.Combine(Repository.Root, "README.md");

        Assert.Equal(["no.md", "README.md#no-such", "#elsewhere"], LinksOf(text).Where(link => !Leads(file, link)));
    }

    [Fact]
    public void Each_name_of_a_link_is_given_a_place_and_each_place_is_used()
    {
        foreach (var file in Guides.Files)
        {
            var text = Spoken(Guides.Prose(file));
            var given = Definition().Matches(text).Select(match => match.Groups[1].Value).Order().ToList();
            var used = Reference().Matches(text).Select(match => match.Groups[1].Value).Distinct().Order().ToList();

            Assert.True(given.SequenceEqual(used), $"{Guides.NameOf(file)} names {string.Join(", ", used)} and has places for {string.Join(", ", given)}");
        }
    }

    [Fact]
    public void Each_guide_is_found_from_the_front_page()
    {
        var links = LinksOf(Guides.Prose(Path.Combine(Repository.Root, "README.md"))).Select(link => link.Split('#')[0]).ToHashSet();

        Assert.All(Guides.Files.Where(file => Path.GetDirectoryName(file) == Guides.Folder).Select(Guides.NameOf), guide => Assert.Contains(guide, links));
    }

    private static IEnumerable<string> LinksOf(string prose) => Inline().Matches(Spoken(prose)).Select(match => match.Groups[1].Value)
        .Concat(Definition().Matches(Spoken(prose)).Select(match => match.Groups[2].Value));

    private static string Spoken(string prose) => Code().Replace(prose, match => new string('x', match.Length));

    private static bool Leads(string from, string link)
    {
        if (link.Contains("://", StringComparison.Ordinal))
        {
            return true;
        }

        var (path, heading) = link.Split('#', 2) is [var before, var behind] ? (before, behind) : (link, null);
        var to = path.Length == 0 ? from : Path.GetFullPath(path, Path.GetDirectoryName(from)!);
        return heading is null ? Path.Exists(to) : File.Exists(to) && to.EndsWith(".md", StringComparison.Ordinal) && AnchorsOf(to).Contains(heading);
    }

    // As GitHub makes them: letters, digits, hyphens and underscores of the heading's words, a number behind what stands there twice.
    private static HashSet<string> AnchorsOf(string file)
    {
        var seen = new Dictionary<string, int>();
        var anchors = new HashSet<string>();
        foreach (Match heading in Heading().Matches(Guides.Prose(file)))
        {
            var words = Target().Replace(heading.Groups[1].Value.Trim(), "$1").ToLowerInvariant();
            var anchor = string.Concat(words.Where(c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '_')).Replace(' ', '-');
            var times = seen[anchor] = seen.GetValueOrDefault(anchor) + 1;
            anchors.Add(times == 1 ? anchor : $"{anchor}-{times - 1}");
        }

        return anchors;
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Inline();

    [GeneratedRegex(@"^\[([^\]]+)\]: +(\S+)$", RegexOptions.Multiline)]
    private static partial Regex Definition();

    [GeneratedRegex(@"\]\[([^\]]+)\]")]
    private static partial Regex Reference();

    [GeneratedRegex("`[^`]*`")]
    private static partial Regex Code();

    [GeneratedRegex("^#+ +(.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"\[([^\]]+)\]\([^)]*\)")]
    private static partial Regex Target();
}
