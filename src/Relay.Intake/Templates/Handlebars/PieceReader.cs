using System.Text;

namespace Relay.Intake.Templates.Handlebars;

/// <summary>Cuts a source into texts and tags. It goes over it once.</summary>
internal sealed class PieceReader(string source)
{
    private readonly List<Piece> _pieces = [];
    private readonly StringBuilder _text = new();
    private int _tags;

    /// <exception cref="TemplateFault">It is no template.</exception>
    public IReadOnlyList<Piece> Read()
    {
        var at = 0;
        while (source.IndexOf("{{", at, StringComparison.Ordinal) is >= 0 and var open)
        {
            var slashes = open == at || source[open - 1] != '\\' ? 0 : open - 1 == at || source[open - 2] != '\\' ? 1 : 2;
            if (slashes == 1)
            {
                // \{{ prints the braces.
                _text.Append(source, at, open - 1 - at).Append("{{");
                at = open + 2;
                continue;
            }

            // \\{{ is a tag behind a backslash.
            _text.Append(source, at, open - at - (slashes == 2 ? 1 : 0));
            EndText();
            if (++_tags > TemplateLimits.MaxTags)
            {
                throw new TemplateFault(source, open, $"there are more than {TemplateLimits.MaxTags} tags");
            }

            at = ReadTag(open);
        }

        _text.Append(source, at, source.Length - at);
        EndText();
        return _pieces;
    }

    private void EndText()
    {
        if (_text.Length > 0)
        {
            _pieces.Add(new Piece.Text(_text.ToString()));
            _text.Clear();
        }
    }

    private int ReadTag(int open)
    {
        var at = open + 2;
        if (source.AsSpan(at).StartsWith("{{"))
        {
            throw new TemplateFault(source, open, "raw blocks ({{{{ name }}}}) are not taken; \\{{ prints braces");
        }

        var stripsBefore = At(at) == '~';
        at += stripsBefore ? 1 : 0;
        return At(at) switch
        {
            '!' => ReadComment(open, at + 1, stripsBefore),
            '{' => Add(TagKind.PrintRaw, open, at + 1, "}}}", stripsBefore),
            '&' => Add(TagKind.PrintRaw, open, at + 1, "}}", stripsBefore),
            '#' => Add(TagKind.Open, open, at + 1, "}}", stripsBefore),
            '^' => Add(TagKind.OpenInverse, open, at + 1, "}}", stripsBefore),
            '/' => Add(TagKind.Close, open, at + 1, "}}", stripsBefore),
            _ => Add(TagKind.Print, open, at, "}}", stripsBefore),
        };
    }

    private int Add(TagKind kind, int open, int start, string end, bool stripsBefore)
    {
        var reader = new TagReader(source, open);
        var tokens = reader.Read(start, end);
        kind = (kind, tokens) switch
        {
            (TagKind.OpenInverse, []) => TagKind.Else,
            (TagKind.Print, [{ Kind: TokenKind.Name, Text: "else" }, .. var rest]) when rest is not [{ Kind: TokenKind.Separator }, ..] => TagKind.Else,
            _ => kind,
        };
        _pieces.Add(new Piece.Tag(kind, open, stripsBefore, reader.StripsAfter, tokens));
        return reader.End;
    }

    // {{!-- --}} may hold braces, {{! }} may not.
    private int ReadComment(int open, int start, bool stripsBefore)
    {
        var isLong = source.AsSpan(start).StartsWith("--");
        var at = isLong ? start + 2 : start;
        while (true)
        {
            var end = source.IndexOf("}}", at, StringComparison.Ordinal);
            if (end < 0)
            {
                throw new TemplateFault(source, open, "a comment is not closed");
            }

            var strips = end > at && source[end - 1] == '~';
            var words = source.AsSpan(start, end - (strips ? 1 : 0) - start);
            if (!isLong || (words.Length >= 2 && words.EndsWith("--")))
            {
                _pieces.Add(new Piece.Tag(TagKind.Comment, open, stripsBefore, strips, []));
                return end + 2;
            }

            at = end + 2;
        }
    }

    private char At(int at) => at < source.Length ? source[at] : '\0';
}
