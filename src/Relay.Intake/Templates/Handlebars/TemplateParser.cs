namespace Relay.Intake.Templates.Handlebars;

/// <summary>Makes pieces into blocks within blocks. It keeps the open ones on a stack of its own, so no source can exhaust a thread's.</summary>
internal sealed class TemplateParser(string source)
{
    private readonly Stack<OpenBlock> _open = new();
    private readonly List<string> _names = [];
    private List<Node> _nodes = [];

    /// <exception cref="TemplateFault">It is no template, or more than is taken.</exception>
    public static IReadOnlyList<Node> Parse(string source) => new TemplateParser(source).Parse();

    private List<Node> Parse()
    {
        var pieces = new PieceReader(source).Read();
        WhiteSpace.Trim(pieces);
        foreach (var piece in pieces)
        {
            Take(piece);
        }

        return _open.Count == 0 ? _nodes : throw new TemplateFault(source, _open.Peek().Offset, $"the block '{_open.Peek().Name}' is not closed");
    }

    private void Take(Piece piece)
    {
        switch (piece)
        {
            case Piece.Text { Kept: { Length: > 0 } words }:
                _nodes.Add(new Node.Words(words));
                break;
            case Piece.Tag { Kind: TagKind.Print or TagKind.PrintRaw } print:
                _nodes.Add(PrintOf(print));
                break;
            case Piece.Tag { Kind: TagKind.Open or TagKind.OpenInverse } open:
                Open(open);
                break;
            case Piece.Tag { Kind: TagKind.Else } divide:
                Divide(divide);
                break;
            case Piece.Tag { Kind: TagKind.Close } close:
                Close(close);
                break;
        }
    }

    private Node.Print PrintOf(Piece.Tag tag)
    {
        var expression = ReaderOf(tag).ReadWhole();
        return expression is Expression.Constant
            ? throw new TemplateFault(source, tag.Offset, "a constant is printed; write the text itself")
            : new Node.Print(expression, IsEscaped: tag.Kind == TagKind.Print);
    }

    private void Open(Piece.Tag tag)
    {
        if (_open.Count == TemplateLimits.MaxBlocks)
        {
            throw new TemplateFault(source, tag.Offset, $"more than {TemplateLimits.MaxBlocks} blocks stand within each other");
        }

        var reader = ReaderOf(tag);
        var block = new OpenBlock(tag.Offset, NameOf(tag, tag.Tokens), _nodes, tag.Kind == TagKind.OpenInverse);
        block.Begin(ReadHead(reader, out var names), names.Count);
        _names.AddRange(names);
        _open.Push(block);
        _nodes = [];
    }

    // {{else}}, {{else if x}}: a chain is one block with many branches, however long it is.
    private void Divide(Piece.Tag tag)
    {
        if (!_open.TryPeek(out var block))
        {
            throw new TemplateFault(source, tag.Offset, "there is no block for this else");
        }

        if (!block.TryEndBranch(_nodes))
        {
            throw new TemplateFault(source, tag.Offset, $"the block '{block.Name}' has its else already");
        }

        Forget(block);
        _nodes = [];
        var reader = ReaderOf(tag);
        if (tag.Tokens.Length > 0)
        {
            reader.Skip();
        }

        if (reader.IsAtEnd)
        {
            return;
        }

        if (block.IsInverse)
        {
            throw new TemplateFault(source, tag.Offset, "a block that begins with ^ takes no else with a condition");
        }

        block.Begin(ReadHead(reader, out var names), names.Count);
        _names.AddRange(names);
    }

    private void Close(Piece.Tag tag)
    {
        var name = tag.Tokens.Length == 0 ? "" : source[tag.Tokens[0].Offset..EndOf(tag.Tokens[^1])];
        if (!_open.TryPop(out var block))
        {
            throw new TemplateFault(source, tag.Offset, $"there is no open block '{name}'");
        }

        if (block.Name != name)
        {
            throw new TemplateFault(source, tag.Offset, $"this closes '{name}', but the open block is '{block.Name}'");
        }

        var closed = block.End(_nodes);
        Forget(block);
        _nodes = block.Around;
        _nodes.Add(closed);
    }

    private void Forget(OpenBlock block)
    {
        _names.RemoveRange(_names.Count - block.Names, block.Names);
        block.Names = 0;
    }

    private Head ReadHead(ExpressionReader reader, out IReadOnlyList<string> names)
    {
        BranchKind? kind = reader.PeekName() switch
        {
            "if" => BranchKind.If,
            "unless" => BranchKind.Unless,
            "each" => BranchKind.Each,
            "with" => BranchKind.With,
            _ => null,
        };
        names = [];
        if (kind is null)
        {
            var subject = reader.ReadWhole();
            return new Head(subject is Expression.Call ? BranchKind.If : BranchKind.Section, subject, CountsZero: false);
        }

        reader.Skip();
        var about = reader.ReadOne();
        var countsZero = kind is BranchKind.If or BranchKind.Unless && reader.ReadIncludeZero();
        names = kind is BranchKind.Each or BranchKind.With ? reader.ReadNames() : [];
        reader.RequireEnd();
        return new Head(kind.Value, about, countsZero);
    }

    private ExpressionReader ReaderOf(Piece.Tag tag) => new(source, tag.Offset, tag.Tokens, _names);

    // The helper or the variable that a block begins with: what closes it.
    private string NameOf(Piece.Tag tag, Token[] tokens)
    {
        if (tokens.Length == 0)
        {
            throw new TemplateFault(source, tag.Offset, "a block has no name");
        }

        var last = 0;
        while (last + 1 < tokens.Length && tokens[last + 1].Offset == EndOf(tokens[last]))
        {
            last++;
        }

        return source[tokens[0].Offset..EndOf(tokens[last])];
    }

    private static int EndOf(Token token) =>
        token.Offset + token.Text.Length + (token.Kind is TokenKind.Bracketed or TokenKind.Text ? 2 : 0);

    private readonly record struct Head(BranchKind Kind, Expression Subject, bool CountsZero);

    /// <param name="Around">What stands before it.</param>
    private sealed record OpenBlock(int Offset, string Name, List<Node> Around, bool IsInverse)
    {
        private readonly List<Branch> _branches = [];
        private Head? _head;

        /// <summary>How many names its open branch gave.</summary>
        public int Names { get; set; }

        public void Begin(Head head, int names) => (_head, Names) = (head, names);

        /// <summary>False behind its last else.</summary>
        public bool TryEndBranch(IReadOnlyList<Node> body)
        {
            if (_head is not { } head)
            {
                return false;
            }

            _branches.Add(new Branch(head.Kind, head.Subject, head.CountsZero, Names, body));
            _head = null;
            return true;
        }

        public Node.Block End(IReadOnlyList<Node> rest)
        {
            var otherwise = TryEndBranch(rest) ? [] : rest;
            return IsInverse ? new Node.Block([_branches[0] with { Body = otherwise }], _branches[0].Body) : new Node.Block(_branches, otherwise);
        }
    }
}
