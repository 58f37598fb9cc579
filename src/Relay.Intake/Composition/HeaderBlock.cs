using System.Buffers;
using System.Text;

namespace Relay.Intake.Composition;

/// <summary>The fields of a header that decide anything; all others are counted as <see cref="Other"/>.</summary>
internal enum HeaderField
{
    Other,
    From,
    Sender,
    ReplyTo,
    To,
    Cc,
    Subject,
    Date,
    MessageId,
    Received,
    IdempotencyKey,
    TlsRequired,
    RelayClass,
    RelayStream,
    ListUnsubscribe,
    FeedbackId,
    CfblAddress,

    /// <summary>Also <c>Resent-Bcc</c>.</summary>
    Bcc,
    ReturnPath,
    AuthenticationResults,
}

/// <param name="value">From behind the colon, folds and the last line's end included.</param>
internal delegate bool FieldChoice(HeaderField field, ReadOnlySpan<byte> value);

/// <summary>
/// A submitted header, looked at once from top to end and left as it is (RFC 5322, 2.2): where the fields are that
/// matter, and how often each occurs. Linear in time; what it holds does not grow with the header.
/// </summary>
internal sealed class HeaderBlock
{
    // No honest way is as long.
    private const int MaxReceived = 100;

    private static readonly int Fields = Enum.GetValues<HeaderField>().Length;

    private readonly ReadOnlyMemory<byte> _head;
    private readonly int[] _counts = new int[Fields];
    private readonly (int Start, int End)[] _values = new (int, int)[Fields];

    private HeaderBlock(ReadOnlyMemory<byte> head) => _head = head;

    /// <summary>Octets of the header, without the empty line that ends it.</summary>
    public int Length { get; private set; }

    /// <summary>Reads the header at the start of a content.</summary>
    /// <param name="isWhole">Whether <paramref name="head"/> is the whole content; otherwise the header must end within it.</param>
    /// <param name="problem">What is wrong, for people.</param>
    public static bool TryRead(ReadOnlyMemory<byte> head, bool isWhole, out HeaderBlock header, out string problem)
    {
        header = new HeaderBlock(head);
        problem = header.Read(isWhole);
        return problem.Length == 0;
    }

    /// <summary>The message has passed so many hosts that it seems to go round (RFC 5321, 6.3).</summary>
    public bool GoesRound => Count(HeaderField.Received) > MaxReceived;

    public int Count(HeaderField field) => _counts[(int)field];

    /// <summary>The value of the first such field, from behind its colon, folds included; empty when there is none.</summary>
    public ReadOnlySpan<byte> Value(HeaderField field)
    {
        var (start, end) = _values[(int)field];
        return _head.Span[start..end];
    }

    /// <summary>Whether the header holds an octet above 127 (RFC 6532).</summary>
    public bool HasEightBit() => !Ascii.IsValid(_head.Span[..Length]);

    /// <summary>The octets that were looked at, without the fields of this choice.</summary>
    public byte[] Without(FieldChoice isLeftOut)
    {
        var octets = _head.Span;
        var kept = new ArrayBufferWriter<byte>(octets.Length);
        for (var start = 0; start < Length;)
        {
            var end = EndOfField(octets[..Length], start);
            var field = octets[start..end];
            _ = TryReadName(field, out var name);
            if (!isLeftOut(FieldOf(name), field[(field.IndexOf((byte)':') + 1)..]))
            {
                kept.Write(field);
            }

            start = end;
        }

        kept.Write(octets[Length..]);
        return kept.WrittenSpan.ToArray();
    }

    // Behind the end of its last folded line, or of the header.
    private static int EndOfField(ReadOnlySpan<byte> header, int start)
    {
        for (var next = start; ;)
        {
            var line = header[next..].IndexOf("\r\n"u8);
            next += line + 2;
            if (line < 0 || next >= header.Length)
            {
                return header.Length;
            }

            if (header[next] is not ((byte)' ' or (byte)'\t'))
            {
                return next;
            }
        }
    }

    private string Read(bool isWhole)
    {
        var octets = _head.Span;
        var current = HeaderField.Other;
        var isFirst = false;

        for (var (position, line) = (0, 1); ; line++)
        {
            var rest = octets[position..];
            var length = rest.IndexOf("\r\n"u8);
            if (length < 0 && !isWhole)
            {
                return "the header is too large";
            }

            if (length == 0 || rest.IsEmpty)
            {
                Length = position;
                return "";
            }

            var text = length < 0 ? rest : rest[..length];
            if (text[0] is (byte)' ' or (byte)'\t')
            {
                if (line == 1)
                {
                    return "the first line of the header is not a field";
                }
            }
            else if (TryReadName(text, out var name))
            {
                current = FieldOf(name);
                isFirst = ++_counts[(int)current] == 1;
            }
            else
            {
                // A parser that takes this line for text and one that skips it would see two different messages.
                return $"line {line} of the header is not a field; an empty line ends the header";
            }

            if (isFirst)
            {
                Extend(current, position, text);
            }

            position += length < 0 ? text.Length : length + 2;
        }
    }

    // The first line of a field sets its value, each folded line behind it makes it longer.
    private void Extend(HeaderField field, int position, ReadOnlySpan<byte> text)
    {
        var (start, end) = _values[(int)field];
        _values[(int)field] = (end == 0 ? position + text.IndexOf((byte)':') + 1 : start, position + text.Length);
    }

    // Spaces before the colon are obsolete but legal (RFC 5322, 4.5), and others would read such a From as one.
    private static bool TryReadName(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> name)
    {
        var colon = line.IndexOf((byte)':');
        name = colon < 0 ? default : line[..colon].TrimEnd(" \t"u8);
        return !name.IsEmpty && !name.ContainsAnyExceptInRange((byte)'!', (byte)'~');
    }

    private static HeaderField FieldOf(ReadOnlySpan<byte> name) => name.Length switch
    {
        2 when Is(name, "To"u8) => HeaderField.To,
        2 when Is(name, "Cc"u8) => HeaderField.Cc,
        3 when Is(name, "Bcc"u8) => HeaderField.Bcc,
        4 when Is(name, "From"u8) => HeaderField.From,
        4 when Is(name, "Date"u8) => HeaderField.Date,
        6 when Is(name, "Sender"u8) => HeaderField.Sender,
        7 when Is(name, "Subject"u8) => HeaderField.Subject,
        8 when Is(name, "Reply-To"u8) => HeaderField.ReplyTo,
        8 when Is(name, "Received"u8) => HeaderField.Received,
        10 when Is(name, "Message-ID"u8) => HeaderField.MessageId,
        10 when Is(name, "Resent-Bcc"u8) => HeaderField.Bcc,
        11 when Is(name, "Relay-Class"u8) => HeaderField.RelayClass,
        11 when Is(name, "Feedback-ID"u8) => HeaderField.FeedbackId,
        11 when Is(name, "Return-Path"u8) => HeaderField.ReturnPath,
        12 when Is(name, "TLS-Required"u8) => HeaderField.TlsRequired,
        12 when Is(name, "Relay-Stream"u8) => HeaderField.RelayStream,
        12 when Is(name, "CFBL-Address"u8) => HeaderField.CfblAddress,
        15 when Is(name, "Idempotency-Key"u8) => HeaderField.IdempotencyKey,
        16 when Is(name, "List-Unsubscribe"u8) => HeaderField.ListUnsubscribe,
        22 when Is(name, "Authentication-Results"u8) => HeaderField.AuthenticationResults,
        _ => HeaderField.Other,
    };

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> word) => Ascii.EqualsIgnoreCase(name, word);
}
