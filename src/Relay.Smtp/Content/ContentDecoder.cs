using System.Text;

namespace Relay.Smtp.Content;

/// <summary>
/// Reads the content of one message as it arrives: finds the one true end of DATA, takes off the dots the client
/// stuffed (RFC 5321, 4.5.2), and notes what makes the content unfit. Only CRLF "." CRLF ends it; whatever else looks
/// like an end to somebody is content, and a reason to refuse the whole (RFC 5321, 4.1.1.4).
/// </summary>
public sealed class ContentDecoder
{
    private enum State
    {
        /// <summary>Behind a CRLF, or at the very start, since the CRLF of the DATA command counts.</summary>
        LineStart,

        /// <summary>Inside a line.</summary>
        Text,

        /// <summary>Behind a CR.</summary>
        Cr,

        /// <summary>Behind a dot that began a line: stuffed, or the first half of the end.</summary>
        Dot,

        /// <summary>Behind a dot that began a line and the CR after it.</summary>
        DotCr,

        /// <summary>Behind CRLF "." CRLF.</summary>
        End,
    }

    private readonly bool _stuffed;
    private State _state = State.LineStart;
    private long _lineOctets;

    private ContentDecoder(bool stuffed) => _stuffed = stuffed;

    /// <summary>For DATA, where dots are stuffed and the content tells its own end.</summary>
    public static ContentDecoder ForData() => new(stuffed: true);

    /// <summary>For BDAT, where the octets are counted and a dot is a dot (RFC 3030, 2).</summary>
    public static ContentDecoder ForChunks() => new(stuffed: false);

    /// <summary>The end of DATA was read.</summary>
    public bool IsComplete => _state == State.End;

    /// <summary>The first thing that makes the content unfit. Once set, what <see cref="Decode"/> returns has no use.</summary>
    public ContentFault Fault { get; private set; }

    /// <summary>An octet above 127 was seen.</summary>
    public bool HasEightBit { get; private set; }

    /// <summary>Octets of the longest line so far, with its CRLF.</summary>
    public long LongestLine { get; private set; }

    /// <summary>
    /// Takes the next run of content off the input, as a slice of it. An empty run means that the input is used up, or
    /// that the content is complete and the input holds what comes behind it.
    /// </summary>
    public ReadOnlySpan<byte> Decode(ref ReadOnlySpan<byte> input)
    {
        var start = 0;
        var position = 0;
        while (position < input.Length && _state != State.End)
        {
            switch (_state)
            {
                case State.LineStart when _stuffed && input[position] == (byte)'.':
                    if (position > start)
                    {
                        return Take(ref input, start, position);
                    }

                    position++;
                    start = position;
                    _state = State.Dot;
                    break;

                case State.LineStart:
                case State.Text:
                    position += ReadText(input[position..]);
                    break;

                case State.Cr:
                    position += ReadBehindCr(input[position]);
                    break;

                case State.Dot when input[position] == (byte)'\r':
                    position++;
                    start = position;
                    _state = State.DotCr;
                    break;

                case State.Dot:
                    _state = State.Text;
                    break;

                case State.DotCr when input[position] == (byte)'\n':
                    position++;
                    start = position;
                    _state = State.End;
                    break;

                case State.DotCr:
                    Spoil(ContentFault.BareCr);
                    _state = State.Text;
                    break;
            }
        }

        return Take(ref input, start, position);
    }

    /// <summary>Says that no more will come, which only counted content needs: a CR may still wait for its LF.</summary>
    public void Finish()
    {
        if (_state == State.Cr)
        {
            Spoil(ContentFault.BareCr);
        }
    }

    // Reads up to and with the next octet that is not plain text. CR goes with the run; should no LF follow, the run is worthless anyway.
    private int ReadText(ReadOnlySpan<byte> text)
    {
        var index = text.IndexOfAny((byte)'\r', (byte)'\n', (byte)'\0');
        var octets = index < 0 ? text.Length : index + 1;
        Lengthen(octets);
        _state = State.Text;

        if (index >= 0)
        {
            switch (text[index])
            {
                case (byte)'\r':
                    _state = State.Cr;
                    break;
                case (byte)'\n':
                    Spoil(ContentFault.BareLf);
                    break;
                default:
                    Spoil(ContentFault.Nul);
                    break;
            }
        }

        return octets;
    }

    private int ReadBehindCr(byte next)
    {
        if (next == (byte)'\n')
        {
            Lengthen(1);
            _lineOctets = 0;
            _state = State.LineStart;
            return 1;
        }

        Spoil(ContentFault.BareCr);
        _state = State.Text;
        return 0;
    }

    private void Lengthen(int octets)
    {
        _lineOctets += octets;
        LongestLine = Math.Max(LongestLine, _lineOctets);
    }

    private void Spoil(ContentFault fault)
    {
        if (Fault == ContentFault.None)
        {
            Fault = fault;
        }
    }

    private ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> input, int start, int end)
    {
        var run = input[start..end];
        input = input[end..];
        HasEightBit = HasEightBit || !Ascii.IsValid(run);
        return run;
    }
}

/// <summary>What makes a content unfit to be passed on (RFC 5321, 2.3.8).</summary>
public enum ContentFault
{
    None,
    BareCr,
    BareLf,
    Nul,
}
