using System.Buffers;

namespace Relay.Intake.Http.Json;

/// <summary>
/// A JSON body as far as its names are short. A text may be as long as the body; but a name is written down a dozen times,
/// into paths, messages and the answer, before it is told that there is no such field.
/// </summary>
internal sealed class ShortNames(Stream body) : BodyReader
{
    // Octets, escapes included. Names of ours have a dozen, those of headers and metadata some dozens, and people name variables.
    private const int MaxName = 1_000;

    private static readonly SearchValues<byte> EndsRun = SearchValues.Create("\"\\"u8);

    private State _state;
    private long _length;

    private enum State
    {
        /// <summary>Outside of any text.</summary>
        Between,
        Text,
        Escape,

        /// <summary>Behind a long text: a colon would make it a name.</summary>
        BehindLong,
    }

    /// <exception cref="ProblemException">A name is too long.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var octets = await body.ReadAsync(buffer, cancellationToken);
        Look(buffer.Span[..octets]);
        return octets;
    }

    private void Look(ReadOnlySpan<byte> rest)
    {
        while (!rest.IsEmpty)
        {
            rest = rest[(_state switch
            {
                State.Between => LookForText(rest),
                State.Text => LookForEnd(rest),
                State.Escape => PassEscaped(),
                _ => LookForColon(rest),
            })..];
        }
    }

    private int LookForText(ReadOnlySpan<byte> rest)
    {
        var start = rest.IndexOf((byte)'"');
        if (start < 0)
        {
            return rest.Length;
        }

        (_state, _length) = (State.Text, 0);
        return start + 1;
    }

    private int LookForEnd(ReadOnlySpan<byte> rest)
    {
        var end = rest.IndexOfAny(EndsRun);
        if (end < 0)
        {
            _length += rest.Length;
            return rest.Length;
        }

        _length += end;
        _state = rest[end] == (byte)'\\' ? State.Escape : _length > MaxName ? State.BehindLong : State.Between;
        return end + 1;
    }

    private int PassEscaped()
    {
        _length += 2;
        _state = State.Text;
        return 1;
    }

    private int LookForColon(ReadOnlySpan<byte> rest)
    {
        var next = rest.IndexOfAnyExcept(" \t\r\n"u8);
        if (next < 0)
        {
            return rest.Length;
        }

        if (rest[next] == (byte)':')
        {
            throw new ProblemException(Problem.BadRequest($"the body holds a name longer than {MaxName} octets"));
        }

        _state = State.Between;
        return next;
    }
}
