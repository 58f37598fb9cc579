namespace Relay.Intake.Templates.Handlebars;

/// <summary>What a source consists of, in its order: a text, or a tag.</summary>
internal abstract record Piece
{
    private Piece()
    {
    }

    /// <param name="Words">As it stands there; what is printed may lose white space at its ends to the tags beside it.</param>
    public sealed record Text(string Words) : Piece
    {
        public int From { get; set; }
        public int To { get; set; } = Words.Length;

        public string Kept => From < To ? Words[From..To] : "";
    }

    /// <param name="Offset">Of its first brace.</param>
    /// <param name="StripsBefore">It has a <c>~</c> at its beginning.</param>
    public sealed record Tag(TagKind Kind, int Offset, bool StripsBefore, bool StripsAfter, Token[] Tokens) : Piece;
}

internal enum TagKind
{
    /// <summary><c>{{name}}</c></summary>
    Print,

    /// <summary><c>{{{name}}}</c> or <c>{{&amp;name}}</c></summary>
    PrintRaw,

    /// <summary><c>{{#if name}}</c></summary>
    Open,

    /// <summary><c>{{^name}}</c></summary>
    OpenInverse,

    /// <summary><c>{{else}}</c>, <c>{{^}}</c> or <c>{{else if name}}</c></summary>
    Else,

    /// <summary><c>{{/if}}</c></summary>
    Close,

    /// <summary><c>{{! words }}</c></summary>
    Comment,
}

/// <param name="Text">Without its quotes or brackets.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Offset);

internal enum TokenKind
{
    Name,

    /// <summary>A name in brackets, which may be any text.</summary>
    Bracketed,
    Text,
    Number,

    /// <summary>A dot that stands for what the block is about.</summary>
    This,
    Up,

    /// <summary>A dot or slash between names.</summary>
    Separator,
    Data,
    OpenCall,
    CloseCall,
    Equals,
    Bar,
}
