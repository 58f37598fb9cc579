using System.Buffers;
using System.Text;

namespace Relay.Mail.Signing;

/// <summary>
/// Which header fields a signature covers, and their octets in relaxed form (RFC 6376, 3.4.2). Every field named is named
/// once more than it occurs: whoever adds another one on the way breaks the signature instead of borrowing it (8.15).
/// </summary>
internal readonly ref struct SignedFields
{
    // Signed even where they are missing, since a reader shows them or a receiver acts on them.
    private static readonly string[] Always =
    [
        "From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version", "Content-Type",
        "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post",
    ];

    // Signed where they are: hosts on the way may rightly add one that is missing.
    private static readonly string[] WherePresent =
    [
        "Sender", "In-Reply-To", "References", "Content-Transfer-Encoding", "Content-Disposition", "Feedback-ID",
        "List-Help", "List-Subscribe", "List-Post", "List-Owner", "List-Archive", "Auto-Submitted", "Precedence",
        "CFBL-Address", "CFBL-Feedback-ID",
    ];

    // The last ones of a name that a hostile header repeats; honest fields occur once.
    private const int MostOfOneName = 16;

    // More fields of these names than an honest header has are looked through as well, only not on the stack.
    private const int UsualFields = 32;

    private static readonly Name[] Names = [.. Always.Select(n => new Name(n, true)), .. WherePresent.Select(n => new Name(n, false))];

    private readonly ReadOnlySpan<byte> _prologue;
    private readonly ReadOnlySpan<byte> _header;

    /// <param name="prologue">The part of the header that stands on top.</param>
    public SignedFields(ReadOnlySpan<byte> prologue, ReadOnlySpan<byte> header)
    {
        _prologue = prologue;
        _header = header;
    }

    /// <param name="canonical">Takes the fields as they are signed.</param>
    /// <param name="names">Takes the value of the tag <c>h=</c>.</param>
    public void Write(IBufferWriter<byte> canonical, FoldedText names)
    {
        var fields = new FieldList(stackalloc Field[UsualFields]);
        Find(_prologue, inPrologue: true, ref fields);
        Find(_header, inPrologue: false, ref fields);
        for (var name = 0; name < Names.Length; name++)
        {
            Write(name, fields.All, canonical, names);
        }
    }

    /// <summary>A field's value on one line, runs of white space as one space, none at its ends.</summary>
    public static void WriteRelaxed(ReadOnlySpan<byte> value, IBufferWriter<byte> to)
    {
        var line = to.GetSpan(value.Length);
        var length = 0;
        var space = false;
        while (true)
        {
            var word = value.IndexOfAny(" \t\r\n"u8);
            var text = word < 0 ? value : value[..word];
            if (!text.IsEmpty)
            {
                if (space && length > 0)
                {
                    line[length++] = (byte)' ';
                }

                text.CopyTo(line[length..]);
                length += text.Length;
                space = false;
            }

            if (word < 0)
            {
                to.Advance(length);
                return;
            }

            // A line end within a value is a fold, and goes without a trace; the white space behind it stays.
            space |= value[word] is (byte)' ' or (byte)'\t';
            value = value[(word + 1)..];
        }
    }

    // Of several fields of a name the lowest comes first (RFC 6376, 5.4.2).
    private void Write(int name, ReadOnlySpan<Field> fields, IBufferWriter<byte> canonical, FoldedText names)
    {
        var found = 0;
        var more = false;
        for (var i = fields.Length - 1; i >= 0 && !more; i--)
        {
            var field = fields[i];
            if (field.Name != name)
            {
                continue;
            }

            more = found == MostOfOneName;
            if (!more)
            {
                found++;
                canonical.Write(Names[name].Lower);
                canonical.Write(":"u8);
                WriteRelaxed((field.InPrologue ? _prologue : _header)[field.Start..field.End], canonical);
                canonical.Write("\r\n"u8);
            }
        }

        // Once more, for the one that is not there; where there are more, the next name would mean one of those.
        var named = more ? found : found > 0 || Names[name].Always ? found + 1 : 0;
        for (var i = 0; i < named; i++)
        {
            names.Append(Names[name].Text, ":"u8);
        }
    }

    private static void Find(ReadOnlySpan<byte> header, bool inPrologue, ref FieldList fields)
    {
        for (var start = 0; start < header.Length;)
        {
            var end = EndOfField(header, start);
            var field = header[start..end];
            var colon = field.IndexOf((byte)':');
            if (colon > 0 && IndexOf(field[..colon].TrimEnd(" \t"u8)) is var name and >= 0)
            {
                fields.Add(new Field(name, inPrologue, start + colon + 1, end));
            }

            start = end + 2;
        }
    }

    // Its folded lines begin with white space (RFC 5322, 2.2.3).
    private static int EndOfField(ReadOnlySpan<byte> header, int start)
    {
        while (true)
        {
            var length = header[start..].IndexOf("\r\n"u8);
            if (length < 0)
            {
                return header.Length;
            }

            var next = start + length + 2;
            if (next >= header.Length || header[next] is not ((byte)' ' or (byte)'\t'))
            {
                return start + length;
            }

            start = next;
        }
    }

    private static int IndexOf(ReadOnlySpan<byte> name)
    {
        for (var i = 0; i < Names.Length; i++)
        {
            if (Names[i].Lower.Length == name.Length && Ascii.EqualsIgnoreCase(name, Names[i].Lower))
            {
                return i;
            }
        }

        return -1;
    }

    private readonly record struct Field(int Name, bool InPrologue, int Start, int End);

    private ref struct FieldList(Span<Field> room)
    {
        private Span<Field> _room = room;
        private int _count;

        public readonly ReadOnlySpan<Field> All => _room[.._count];

        public void Add(Field field)
        {
            if (_count == _room.Length)
            {
                var larger = new Field[_count * 2];
                _room.CopyTo(larger);
                _room = larger;
            }

            _room[_count++] = field;
        }
    }

    private sealed record Name(string Word, bool Always)
    {
        public byte[] Text { get; } = Encoding.ASCII.GetBytes(Word);
        public byte[] Lower { get; } = Encoding.ASCII.GetBytes(Word.ToLowerInvariant());
    }
}
