namespace Relay.Intake.Templates.Handlebars;

/// <summary>A piece of a template.</summary>
internal abstract record Node
{
    private Node()
    {
    }

    public sealed record Words(string Text) : Node;

    public sealed record Print(Expression Expression, bool IsEscaped) : Node;

    /// <summary>The first branch that takes its turn is rendered, and the rest where none does.</summary>
    public sealed record Block(IReadOnlyList<Branch> Branches, IReadOnlyList<Node> Otherwise) : Node;
}

/// <param name="CountsZero">Zero counts as yes (<c>includeZero=true</c>).</param>
/// <param name="Names">How many names it gives to what it is about (<c>as |item index|</c>).</param>
internal sealed record Branch(BranchKind Kind, Expression Subject, bool CountsZero, int Names, IReadOnlyList<Node> Body);

internal enum BranchKind
{
    If,
    Unless,
    Each,
    With,

    /// <summary>Of a variable alone, <c>{{#items}}</c>: each of a list, with an object, or if.</summary>
    Section,
}

/// <summary>What has a value.</summary>
internal abstract record Expression
{
    private Expression()
    {
    }

    public sealed record Constant(Value Value) : Expression;

    /// <param name="Ups">How many surroundings further out.</param>
    /// <param name="Start">The number of a name given by a block, or of one of a loop's own.</param>
    /// <param name="Source">As its author wrote it.</param>
    public sealed record Path(PathRoot Root, int Ups, int Start, IReadOnlyList<string> Members, string Source) : Expression;

    public sealed record Call(Function Function, IReadOnlyList<Expression> Arguments) : Expression;
}

internal enum PathRoot
{
    /// <summary>What the block around it is about.</summary>
    Here,

    /// <summary>All variables: <c>@root</c>.</summary>
    Variables,

    /// <summary>What a block gave a name.</summary>
    Named,

    Index,
    Key,
    First,
    Last,
}
