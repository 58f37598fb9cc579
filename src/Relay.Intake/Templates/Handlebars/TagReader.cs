using System.Buffers;

namespace Relay.Intake.Templates.Handlebars;

/// <summary>Cuts what stands between the braces of a tag into tokens. A brace within quotes or brackets does not end it.</summary>
internal sealed class TagReader(string source, int offset)
{
    private static readonly SearchValues<char> NoName = SearchValues.Create("!\"#%&'()*+,./;<=>@[\\]^`{|}~ \t\r\n\0");

    private readonly List<Token> _tokens = [];

    /// <summary>Where the tag ends, behind its last brace.</summary>
    public int End { get; private set; }

    public bool StripsAfter { get; private set; }

    /// <param name="start">Behind the opening braces.</param>
    /// <param name="end">The closing ones.</param>
    public Token[] Read(int start, string end)
    {
        var at = start;
        while (true)
        {
            if (at - start > TemplateLimits.MaxTag)
            {
                throw new TemplateFault(source, offset, $"a tag is longer than {TemplateLimits.MaxTag} characters");
            }

            if (at >= source.Length)
            {
                throw new TemplateFault(source, offset, "a tag is not closed");
            }

            if (IsEnd(at, end))
            {
                return [.. _tokens];
            }

            at = char.IsWhiteSpace(source[at]) ? at + 1 : ReadToken(at);
        }
    }

    // Of three braces the ~ stands before the last two: }~}}.
    private bool IsEnd(int at, string end)
    {
        var strip = end.Length == 3 ? "}~}}" : "~}}";
        StripsAfter = source.AsSpan(at).StartsWith(strip);
        if (!StripsAfter && !source.AsSpan(at).StartsWith(end))
        {
            return false;
        }

        End = at + (StripsAfter ? strip.Length : end.Length);
        return true;
    }

    private int ReadToken(int at) => source[at] switch
    {
        '"' or '\'' => ReadQuoted(at, source[at], TokenKind.Text),
        '[' => ReadQuoted(at, ']', TokenKind.Bracketed),
        '(' => Add(TokenKind.OpenCall, at, 1),
        ')' => Add(TokenKind.CloseCall, at, 1),
        '=' => Add(TokenKind.Equals, at, 1),
        '|' => Add(TokenKind.Bar, at, 1),
        '@' => Add(TokenKind.Data, at, 1),
        '/' => Add(TokenKind.Separator, at, 1),
        '.' when At(at + 1) == '.' => Add(TokenKind.Up, at, 2),
        '.' => Add(IsAfterName(at) ? TokenKind.Separator : TokenKind.This, at, 1),
        _ => ReadName(at),
    };

    private int ReadName(int at)
    {
        var rest = source.AsSpan(at);
        var length = rest.IndexOfAny(NoName);
        length = length < 0 ? rest.Length : length;
        if (length == 0)
        {
            throw new TemplateFault(source, at, source[at] switch
            {
                '>' => "other templates cannot be put in ({{> name}})",
                '*' => "decorators ({{* name}}) are not taken",
                var other => $"'{other}' means nothing here",
            });
        }

        // 12.5 is a number, list.12.name and 12-inch are names.
        var number = IsAfterSeparator ? 0 : LengthOfNumber(rest);
        return number > 0 && (number == rest.Length || rest[number] is '~' or '}' or ')' or ']' || char.IsWhiteSpace(rest[number]))
            ? Add(TokenKind.Number, at, number)
            : Add(TokenKind.Name, at, length);
    }

    private int ReadQuoted(int at, char end, TokenKind kind)
    {
        for (var i = at + 1; i < source.Length && i - at <= TemplateLimits.MaxTag; i++)
        {
            if (source[i] == '\\' && At(i + 1) == end)
            {
                i++;
            }
            else if (source[i] == end)
            {
                _tokens.Add(new Token(kind, source[(at + 1)..i].Replace($"\\{end}", end.ToString(), StringComparison.Ordinal), at));
                return i + 1;
            }
        }

        throw new TemplateFault(source, at, $"what begins here has no {end} at its end, or one that is far away");
    }

    private int Add(TokenKind kind, int at, int length)
    {
        _tokens.Add(new Token(kind, source.Substring(at, length), at));
        return at + length;
    }

    // A dot right behind a name, and before another, stands between the two.
    private bool IsAfterName(int at) =>
        _tokens.Count > 0 && !char.IsWhiteSpace(source[at - 1]) && _tokens[^1].Kind is TokenKind.Name or TokenKind.Bracketed or TokenKind.Up or TokenKind.Number;

    private bool IsAfterSeparator => _tokens.Count > 0 && _tokens[^1].Kind == TokenKind.Separator;

    private char At(int at) => at < source.Length ? source[at] : '\0';

    private static int LengthOfNumber(ReadOnlySpan<char> text)
    {
        var at = text is ['-', ..] ? 1 : 0;
        var whole = Digits(text[at..]);
        at += whole;
        if (whole > 0 && at < text.Length && text[at] == '.' && Digits(text[(at + 1)..]) is > 0 and var part)
        {
            at += 1 + part;
        }

        return whole > 0 ? at : 0;
    }

    private static int Digits(ReadOnlySpan<char> text)
    {
        var end = text.IndexOfAnyExceptInRange('0', '9');
        return end < 0 ? text.Length : end;
    }
}
