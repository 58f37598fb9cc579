namespace Relay.Smtp.Client;

/// <summary>
/// Says where a body needs a dot doubled (RFC 5321, 4.5.2), piece by piece and without copying it, and refuses a body with a
/// lone CR or LF: a receiver that takes one for a line end would see a message's end, and commands, where we sent none.
/// </summary>
public struct DotStuffer
{
    private Place _place;

    private enum Place : byte
    {
        LineStart,
        InLine,
        BehindCr,
    }

    /// <summary>
    /// Looks at the next octets of the body. Send the first <paramref name="length"/> of them as they are; then, at
    /// <see cref="DotStuffing.Dot"/>, a dot, and come back with the rest.
    /// </summary>
    public DotStuffing Take(ReadOnlySpan<byte> content, out int length)
    {
        length = 0;
        if (_place == Place.BehindCr && !content.IsEmpty)
        {
            if (content[0] != '\n')
            {
                return DotStuffing.Malformed;
            }

            length = 1;
            _place = Place.LineStart;
        }

        while (length < content.Length)
        {
            if (_place == Place.LineStart && content[length] == '.')
            {
                _place = Place.InLine;
                return DotStuffing.Dot;
            }

            var end = content[length..].IndexOfAny((byte)'\r', (byte)'\n');
            if (end < 0)
            {
                _place = Place.InLine;
                length = content.Length;
                break;
            }

            length += end;
            if (content[length] == '\n')
            {
                return DotStuffing.Malformed;
            }

            if (length + 1 == content.Length)
            {
                _place = Place.BehindCr;
                length++;
                break;
            }

            if (content[length + 1] != '\n')
            {
                return DotStuffing.Malformed;
            }

            length += 2;
            _place = Place.LineStart;
        }

        return DotStuffing.Clean;
    }

    /// <summary>What ends the body: the dot line, with a CRLF before it if the last line has none. False when it ends in a lone CR.</summary>
    public readonly bool TryEnd(out ReadOnlySpan<byte> end)
    {
        end = _place == Place.LineStart ? ".\r\n"u8 : "\r\n.\r\n"u8;
        return _place != Place.BehindCr;
    }
}

public enum DotStuffing
{
    /// <summary>All of it goes out as it is.</summary>
    Clean,

    /// <summary>A dot belongs in here.</summary>
    Dot,

    /// <summary>A lone CR or LF: do not send on.</summary>
    Malformed,
}
