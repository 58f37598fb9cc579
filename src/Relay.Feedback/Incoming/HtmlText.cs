using System.Net;
using System.Text;

namespace Relay.Feedback.Incoming;

/// <summary>The words of a page, line by line, for reports that have no plain text.</summary>
internal static class HtmlText
{
    public static string Of(string html)
    {
        var text = new StringBuilder(html.Length / 2);
        var at = 0;
        while (at < html.Length)
        {
            var tag = html.IndexOf('<', at);
            text.Append(html, at, (tag < 0 ? html.Length : tag) - at);
            if (tag < 0)
            {
                break;
            }

            var end = html.IndexOf('>', tag);
            if (end < 0)
            {
                break;
            }

            var name = NameOf(html.AsSpan(tag + 1, end - tag - 1));
            text.Append(BreaksLine(name) ? '\n' : ' ');
            at = end + 1;
            if (html[tag + 1] != '/' && name is ("style" or "script" or "head"))
            {
                var close = html.IndexOf($"</{name}", at, StringComparison.OrdinalIgnoreCase);
                at = close < 0 ? html.Length : close;
            }
        }

        return WebUtility.HtmlDecode(text.ToString());
    }

    private static string NameOf(ReadOnlySpan<char> tag)
    {
        var name = tag.TrimStart('/');
        var length = name.IndexOfAny(' ', '/', '\n');
        name = length < 0 ? name : name[..length];
        return name.Length > 10 ? "" : name.ToString().Trim().ToLowerInvariant();
    }

    private static bool BreaksLine(string name) => name is "br" or "p" or "div" or "tr" or "td" or "th" or "li" or "ul" or "table" or "h1" or "h2" or "h3" or "pre" or "blockquote";
}
