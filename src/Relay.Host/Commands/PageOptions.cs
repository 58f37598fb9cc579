using System.CommandLine;
using System.Text.Json;

namespace Relay.Host.Commands;

/// <summary>Which part of a long list is asked for, and that there is more of it.</summary>
internal static class PageOptions
{
    public static readonly Option<int?> Limit = NumberOption.Create<int>("--limit", "Show at most so many.");
    public static readonly Option<string?> Cursor = new("--cursor") { Description = "Go on behind an earlier page." };

    /// <summary>As it stands behind the path; the relay knows how long a page is where nobody says it.</summary>
    public static string QueryOf(ParseResult parsed)
    {
        string[] parts =
        [
            .. parsed.GetValue(Limit) is { } limit ? [$"limit={limit}"] : Array.Empty<string>(),
            .. parsed.GetValue(Cursor) is { } cursor ? [$"cursor={Uri.EscapeDataString(cursor)}"] : Array.Empty<string>(),
        ];
        return parts.Length == 0 ? "" : "?" + string.Join('&', parts);
    }

    /// <summary>Says where the page ends that it is no end.</summary>
    public static void TellMore(JsonElement page)
    {
        if (page.Text("next") is { } next)
        {
            Printout.Note($"There are more: --cursor {next}");
        }
    }
}
