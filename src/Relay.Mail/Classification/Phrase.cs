namespace Relay.Mail.Classification;

/// <summary>
/// Whole words to look for, in pieces that follow each other with a few words between them: <c>user * not found</c>. A
/// star at the end of a word leaves it open: <c>greylist*</c>. Plain searches only, so that no text, however made,
/// costs more than its length for each piece.
/// </summary>
internal sealed class Phrase
{
    // A gap is for a name or an address, not for a paragraph.
    private const int MaxGap = 80;

    private readonly Piece[] _pieces;

    public Phrase(string text)
    {
        Text = text;
        _pieces = [.. text.Split(" * ", StringSplitOptions.TrimEntries).Select(piece => new Piece(piece.TrimEnd('*'), piece.EndsWith('*')))];
        if (text != text.ToLowerInvariant() || _pieces.Any(piece => piece.Text.Length == 0 || piece.Text.Contains('*', StringComparison.Ordinal)))
        {
            throw new FormatException($"'{text}' can never be found: phrases are lower case, and a star stands between words or at the end of one");
        }
    }

    public string Text { get; }

    public bool IsIn(string plain)
    {
        var from = 0;
        while (_pieces[0].Find(plain, from, plain.Length) is var start and >= 0)
        {
            var end = start + _pieces[0].Text.Length;
            for (var i = 1; i < _pieces.Length && end >= 0; i++)
            {
                var limit = Math.Min(plain.Length, end + MaxGap + _pieces[i].Text.Length);
                var next = _pieces[i].Find(plain, end, limit);
                end = next < 0 ? -1 : next + _pieces[i].Text.Length;
            }

            if (end >= 0)
            {
                return true;
            }

            from = start + 1;
        }

        return false;
    }

    private readonly record struct Piece(string Text, bool IsOpen)
    {
        public int Find(string plain, int from, int limit)
        {
            while (from < limit)
            {
                var found = plain.IndexOf(Text, from, limit - from, StringComparison.Ordinal);
                if (found < 0 || IsWhole(plain, found))
                {
                    return found;
                }

                from = found + 1;
            }

            return -1;
        }

        // Scripts without blanks have no words to be whole.
        private bool IsWhole(string plain, int at) =>
            (at == 0 || !IsWordCharacter(plain[at - 1]) || !IsWordCharacter(Text[0]))
            && (IsOpen || at + Text.Length == plain.Length || !IsWordCharacter(plain[at + Text.Length]) || !IsWordCharacter(Text[^1]));

        private static bool IsWordCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is >= '\u00DF' and < '\u0530';
    }
}
