using System.Buffers;

namespace Relay.Smtp.Commands;

/// <summary>
/// Cuts lines off what has arrived. Only CRLF ends a line (RFC 5321, 2.3.8): a lone CR or LF, or a NUL, spoils the line
/// it stands in up to its CRLF. One instance per connection, since a line that is too long is skipped over many reads.
/// </summary>
public sealed class LineReader
{
    private bool _skipping;

    /// <summary>
    /// Takes one line off the front. <see cref="LineRead.Incomplete"/> consumes nothing but a line that is too long
    /// already: read more, call again. The limit counts CRLF (RFC 5321, 4.5.3.1.4).
    /// </summary>
    /// <param name="line">The line without its CRLF, when it is complete; it lives as long as the buffer.</param>
    public LineRead Read(ref ReadOnlySequence<byte> buffer, int limit, out ReadOnlySequence<byte> line)
    {
        line = default;
        if (!TryFindLineEnd(buffer, out var end))
        {
            SkipWhatIsTooLong(ref buffer, limit);
            return LineRead.Incomplete;
        }

        var found = buffer.Slice(0, end);
        var octets = found.Length + 2;
        buffer = buffer.Slice(octets);

        if (_skipping || octets > limit)
        {
            _skipping = false;
            return LineRead.TooLong;
        }

        if (IsCorrupt(found))
        {
            return LineRead.Corrupt;
        }

        line = found;
        return LineRead.Complete;
    }

    /// <summary>Forgets a line half skipped, when the bytes before and after have nothing to do with each other (STARTTLS).</summary>
    public void Reset() => _skipping = false;

    private static bool TryFindLineEnd(in ReadOnlySequence<byte> buffer, out SequencePosition end)
    {
        var index = buffer.FirstSpan.IndexOf("\r\n"u8);
        if (index >= 0)
        {
            end = buffer.GetPosition(index);
            return true;
        }

        end = default;
        return !buffer.IsSingleSegment && TryFindLineEndAcross(buffer, out end);
    }

    private static bool TryFindLineEndAcross(in ReadOnlySequence<byte> buffer, out SequencePosition end)
    {
        var reader = new SequenceReader<byte>(buffer);
        var found = reader.TryReadTo(out ReadOnlySequence<byte> before, "\r\n"u8);
        end = found ? before.End : default;
        return found;
    }

    // Memory stays bounded: what is over the limit is dropped, but for a last CR, which may be the first half of the end.
    private void SkipWhatIsTooLong(ref ReadOnlySequence<byte> buffer, int limit)
    {
        if (!_skipping && buffer.Length < limit)
        {
            return;
        }

        _skipping = true;
        var keep = !buffer.IsEmpty && buffer.Slice(buffer.Length - 1).FirstSpan[0] == (byte)'\r' ? 1 : 0;
        buffer = buffer.Slice(buffer.Length - keep);
    }

    private static bool IsCorrupt(in ReadOnlySequence<byte> line)
    {
        foreach (var segment in line)
        {
            if (segment.Span.ContainsAny((byte)'\r', (byte)'\n', (byte)'\0'))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>What a look for a line gave.</summary>
public enum LineRead
{
    /// <summary>There is no whole line yet.</summary>
    Incomplete,
    Complete,

    /// <summary>A line over the limit was skipped up to and with its CRLF.</summary>
    TooLong,

    /// <summary>A line with a lone CR or LF or a NUL was skipped up to and with its CRLF.</summary>
    Corrupt,
}
