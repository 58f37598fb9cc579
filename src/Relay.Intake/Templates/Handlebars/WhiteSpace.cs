namespace Relay.Intake.Templates.Handlebars;

/// <summary>
/// Takes the white space that nobody means: all of it beside a <c>~</c>, and the line of a tag that opens, divides or closes a
/// block and stands alone in it.
/// </summary>
internal static class WhiteSpace
{
    public static void Trim(IReadOnlyList<Piece> pieces)
    {
        for (var i = 0; i < pieces.Count; i++)
        {
            if (pieces[i] is not Piece.Tag tag)
            {
                continue;
            }

            var before = i > 0 ? pieces[i - 1] as Piece.Text : null;
            var after = i + 1 < pieces.Count ? pieces[i + 1] as Piece.Text : null;
            var isAlone = tag.Kind is not (TagKind.Print or TagKind.PrintRaw)
                && (i == 0 || (before is not null && EndsALine(before.Words, isFirst: i == 1)))
                && (i == pieces.Count - 1 || (after is not null && BeginsALine(after.Words, isLast: i == pieces.Count - 2)));
            if (before is not null && (tag.StripsBefore || isAlone))
            {
                before.To = Math.Min(before.To, (tag.StripsBefore ? before.Words.AsSpan().TrimEnd() : before.Words.AsSpan().TrimEnd(" \t")).Length);
            }

            if (after is not null && (tag.StripsAfter || isAlone))
            {
                after.From = tag.StripsAfter ? after.Words.Length - after.Words.AsSpan().TrimStart().Length : RestOfLine(after.Words);
            }
        }
    }

    private static bool EndsALine(string words, bool isFirst)
    {
        var blank = words.AsSpan().TrimEnd();
        return words.AsSpan(blank.Length).Contains('\n') || (isFirst && blank.IsEmpty);
    }

    private static bool BeginsALine(string words, bool isLast)
    {
        var blank = words.Length - words.AsSpan().TrimStart().Length;
        return words.AsSpan(0, blank).Contains('\n') || (isLast && blank == words.Length);
    }

    // Blanks and one line end.
    private static int RestOfLine(string words)
    {
        var at = words.Length - words.AsSpan().TrimStart(" \t").Length;
        at += words.AsSpan(at).StartsWith("\r\n") ? 2 : words.AsSpan(at).StartsWith("\n") ? 1 : 0;
        return at;
    }
}
