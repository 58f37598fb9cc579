using System.Globalization;

namespace Relay.Intake.Templates.Handlebars;

/// <summary>Reads the expressions of a tag: variables, constants, calls.</summary>
/// <param name="offset">Of the tag.</param>
/// <param name="names">Those that blocks around the tag gave, the innermost last.</param>
internal sealed class ExpressionReader(string source, int offset, Token[] tokens, IReadOnlyList<string> names)
{
    private int _at;
    private int _calls;

    public bool IsAtEnd => _at == tokens.Length;

    private int Offset => IsAtEnd ? offset : tokens[_at].Offset;

    /// <summary>The next word where it is a name alone, such as that of a helper; it is not consumed.</summary>
    public string? PeekName() =>
        Peek() is { Kind: TokenKind.Name } name && Peek(1) is not { Kind: TokenKind.Separator or TokenKind.Equals } ? name.Text : null;

    public void Skip() => _at++;

    /// <summary>All that is left as one expression: a variable, or a call of a function with what follows its name.</summary>
    public Expression ReadWhole()
    {
        var whole = PeekName() is { } name && tokens.Length - _at > 1 ? ReadCall(name) : ReadOne();
        RequireEnd();
        return whole;
    }

    public Expression ReadOne()
    {
        if (IsAtEnd)
        {
            throw new TemplateFault(source, offset, "a variable is missing");
        }

        var token = tokens[_at];
        switch (token.Kind)
        {
            case TokenKind.OpenCall:
                return ReadInParentheses();
            case TokenKind.Text:
                _at++;
                return new Expression.Constant(new Value.Text(token.Text));
            case TokenKind.Number:
                _at++;
                return new Expression.Constant(new Value.Number(double.Parse(token.Text, CultureInfo.InvariantCulture), token.Text));
            default:
                return PeekName() is { } name && ConstantOf(name) is { } constant ? ReadConstant(constant) : ReadPath();
        }
    }

    /// <summary><c>includeZero=true</c>, where it comes next.</summary>
    public bool ReadIncludeZero()
    {
        if (Peek() is not { Kind: TokenKind.Name, Text: "includeZero" } || Peek(1) is not { Kind: TokenKind.Equals })
        {
            return false;
        }

        _at += 2;
        return ReadOne() is Expression.Constant { Value: Value.Truth { Is: var counts } } ? counts
            : throw new TemplateFault(source, offset, "includeZero must be true or false");
    }

    /// <summary><c>as |item index|</c>, where it comes next.</summary>
    public IReadOnlyList<string> ReadNames()
    {
        if (Peek() is not { Kind: TokenKind.Name, Text: "as" } || Peek(1) is not { Kind: TokenKind.Bar })
        {
            return [];
        }

        _at += 2;
        var given = new List<string>();
        while (Peek() is { Kind: TokenKind.Name } name)
        {
            given.Add(name.Text);
            _at++;
        }

        if (given.Count is 0 or > 2 || Peek() is not { Kind: TokenKind.Bar })
        {
            throw new TemplateFault(source, Offset, "one or two names must stand between the bars");
        }

        _at++;
        return given;
    }

    /// <exception cref="TemplateFault">Something is left that nobody asked for.</exception>
    public void RequireEnd()
    {
        if (!IsAtEnd)
        {
            throw new TemplateFault(source, Offset, $"'{tokens[_at].Text}' is more than is taken here");
        }
    }

    private Expression.Constant ReadConstant(Value constant)
    {
        _at++;
        return new Expression.Constant(constant);
    }

    private Expression ReadInParentheses()
    {
        var open = Offset;
        if (++_calls > TemplateLimits.MaxCalls)
        {
            throw new TemplateFault(source, open, $"more than {TemplateLimits.MaxCalls} parentheses stand within each other");
        }

        _at++;
        var value = PeekName() is { } name && ConstantOf(name) is null ? ReadCall(name) : throw new TemplateFault(source, Offset, "the name of a helper is missing");
        if (Peek() is not { Kind: TokenKind.CloseCall })
        {
            throw new TemplateFault(source, open, "a parenthesis is not closed");
        }

        _at++;
        _calls--;
        return value;
    }

    private Expression.Call ReadCall(string name)
    {
        if (!Function.All.TryGetValue(name, out var function))
        {
            throw new TemplateFault(source, Offset, $"there is no helper '{name}'; there are {string.Join(", ", Function.All.Keys.Order(StringComparer.Ordinal))}, and the blocks if, unless, each and with");
        }

        var start = Offset;
        _at++;
        var arguments = new List<Expression>();
        while (!IsAtEnd && tokens[_at].Kind != TokenKind.CloseCall && arguments.Count <= function.Most)
        {
            arguments.Add(ReadOne());
        }

        return arguments.Count >= function.Least && arguments.Count <= function.Most
            ? new Expression.Call(function, arguments)
            : throw new TemplateFault(source, start, $"the helper '{name}' takes {(function.Least == function.Most ? $"{function.Least}" : $"{function.Least} to {function.Most}")} values");
    }

    // ../a.b, this.a, @index, [a b].c, item.name; in front the surroundings, behind them the names.
    private Expression.Path ReadPath()
    {
        var start = _at;
        var isData = TryTake(TokenKind.Data);
        var (ups, members) = (0, new List<Token>());
        do
        {
            var token = Peek() ?? throw new TemplateFault(source, Offset, "a name is missing");
            if (token.Kind is TokenKind.Up or TokenKind.This || token is { Kind: TokenKind.Name, Text: "this" })
            {
                if (members.Count > 0 || (token.Kind != TokenKind.Up && isData))
                {
                    throw new TemplateFault(source, token.Offset, $"'{token.Text}' may only stand at the beginning of a variable");
                }

                ups += token.Kind == TokenKind.Up ? 1 : 0;
            }
            else if (token.Kind is TokenKind.Name or TokenKind.Bracketed)
            {
                members.Add(token);
            }
            else
            {
                throw new TemplateFault(source, token.Offset, $"'{token.Text}' is no variable");
            }

            _at++;
        }
        while (TryTake(TokenKind.Separator));

        var written = source[tokens[start].Offset..EndOf(tokens[_at - 1])];
        return isData ? DataPath(ups, members, written, tokens[start].Offset)
            : NamedPath(start, members, written) ?? new Expression.Path(PathRoot.Here, ups, 0, [.. members.Select(member => member.Text)], written);
    }

    private Expression.Path DataPath(int ups, List<Token> members, string written, int at)
    {
        var root = members.FirstOrDefault().Text switch
        {
            "root" => PathRoot.Variables,
            "index" => PathRoot.Index,
            "key" => PathRoot.Key,
            "first" => PathRoot.First,
            "last" => PathRoot.Last,
            _ => throw new TemplateFault(source, at, $"there is no {written}; there are @root, @index, @key, @first and @last"),
        };
        return new Expression.Path(root, ups, 0, [.. members.Skip(1).Select(member => member.Text)], written);
    }

    // What a block gave a name hides a variable of the same name, unless that is asked for as this.name.
    private Expression.Path? NamedPath(int start, List<Token> members, string written)
    {
        if (tokens[start].Kind is not (TokenKind.Name or TokenKind.Bracketed) || members.Count == 0 || tokens[start] != members[0])
        {
            return null;
        }

        for (var i = names.Count - 1; i >= 0; i--)
        {
            if (names[i] == members[0].Text)
            {
                return new Expression.Path(PathRoot.Named, 0, i, [.. members.Skip(1).Select(member => member.Text)], written);
            }
        }

        return null;
    }

    private int EndOf(Token token) => token.Offset + token.Text.Length + (token.Kind == TokenKind.Bracketed ? 2 : 0);

    private Token? Peek(int further = 0) => _at + further < tokens.Length ? tokens[_at + further] : null;

    private bool TryTake(TokenKind kind)
    {
        var isNext = Peek()?.Kind == kind;
        _at += isNext ? 1 : 0;
        return isNext;
    }

    private static Value? ConstantOf(string name) => name switch
    {
        "true" => new Value.Truth(true),
        "false" => new Value.Truth(false),
        "null" => Value.Null.Instance,
        "undefined" => Value.Missing.Instance,
        _ => null,
    };
}
