using System.Buffers;

namespace Relay.Mail.Signing;

/// <summary>The value of a header field while it is written: a new line, folded with a tab, before one grows longer than people read (RFC 5322, 2.1.1).</summary>
internal sealed class FoldedText(ArrayBufferWriter<byte> to)
{
    private const int LineLength = 76;

    private int _line;
    private bool _first = true;

    /// <summary>Begins anew behind what the writer holds.</summary>
    public void Begin(int column) => (_line, _first) = (column, true);

    /// <summary>Adds a word, which stays whole, and before it, unless it is the first, what parts it from the last.</summary>
    public void Append(ReadOnlySpan<byte> word, ReadOnlySpan<byte> separator)
    {
        if (!_first)
        {
            to.Write(separator);
            _line += separator.Length;
        }

        if (_line + word.Length + 1 > LineLength)
        {
            to.Write("\r\n\t"u8);
            _line = 1;
        }

        to.Write(word);
        _line += word.Length;
        _first = false;
    }

    /// <summary>Adds what may be cut anywhere: base64.</summary>
    public void Fill(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            var room = LineLength - _line;
            if (room <= 0)
            {
                to.Write("\r\n\t"u8);
                (_line, room) = (1, LineLength - 1);
            }

            var part = text[..Math.Min(room, text.Length)];
            to.Write(part);
            _line += part.Length;
            text = text[part.Length..];
        }
    }
}
