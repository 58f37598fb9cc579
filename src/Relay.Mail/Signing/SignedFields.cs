using System.Buffers;
using System.Text;

namespace Relay.Mail.Signing;

/// <summary>
/// Which header fields a signature covers, and their octets in relaxed form (RFC 6376, 3.4.2). Every field named is named
/// once more than it occurs: whoever adds another one on the way breaks the signature instead of borrowing it (8.15).
/// </summary>
internal sealed class SignedFields
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
    ];

    // The last ones of a name that a hostile header repeats; honest fields occur once.
    private const int MostOfOneName = 16;

    private static readonly Name[] Names = [.. Always.Select(n => new Name(n, true)), .. WherePresent.Select(n => new Name(n, false))];

    private readonly List<Field> _fields = new(24);

    /// <summary>The value of the tag <c>h=</c>, without folds.</summary>
    public string List { get; private set; } = "";

    /// <summary>Finds the fields of a header that stands in two pieces, ours on top.</summary>
    public static SignedFields Read(ReadOnlySpan<byte> prologue, ReadOnlySpan<byte> header, IBufferWriter<byte> canonical)
    {
        var fields = new SignedFields();
        fields.Find(prologue, inPrologue: true);
        fields.Find(header, inPrologue: false);
        fields.Write(prologue, header, canonical);
        return fields;
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

    private void Find(ReadOnlySpan<byte> header, bool inPrologue)
    {
        for (var start = 0; start < header.Length;)
        {
            var end = EndOfField(header, start);
            var field = header[start..end];
            var colon = field.IndexOf((byte)':');
            if (colon > 0 && IndexOf(field[..colon].TrimEnd(" \t"u8)) is var name and >= 0)
            {
                _fields.Add(new Field(name, inPrologue, start + colon + 1, end));
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

    // Of several fields of a name the lowest comes first (RFC 6376, 5.4.2).
    private void Write(ReadOnlySpan<byte> prologue, ReadOnlySpan<byte> header, IBufferWriter<byte> canonical)
    {
        var list = new StringBuilder(512);
        for (var name = 0; name < Names.Length; name++)
        {
            var found = 0;
            var more = false;
            for (var i = _fields.Count - 1; i >= 0 && !more; i--)
            {
                var field = _fields[i];
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
                    WriteRelaxed((field.InPrologue ? prologue : header)[field.Start..field.End], canonical);
                    canonical.Write("\r\n"u8);
                }
            }

            // Once more, for the one that is not there; where there are more, the next name would mean one of those.
            var named = more ? found : found > 0 || Names[name].Always ? found + 1 : 0;
            for (var i = 0; i < named; i++)
            {
                list.Append(list.Length == 0 ? "" : ":").Append(Names[name].Text);
            }
        }

        List = list.ToString();
    }

    private readonly record struct Field(int Name, bool InPrologue, int Start, int End);

    private sealed record Name(string Text, bool Always)
    {
        public byte[] Lower { get; } = Encoding.ASCII.GetBytes(Text.ToLowerInvariant());
    }
}
