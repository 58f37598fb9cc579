using System.Buffers.Text;

namespace Relay.Redis.Embedded.Wire;

/// <summary>
/// Finds commands in what came over a socket: arrays of bulk strings, and, for people, lines of words. It keeps its place
/// in a command that is not whole yet, so that no octet is looked at twice.
/// </summary>
internal struct RespParser
{
    private int _position;
    private int _argumentsLeft;
    private int _bulkLength;
    private bool _isInCommand;

    /// <summary>Where the first command that is not whole begins.</summary>
    public int Start { get; private set; }

    /// <summary>What is wrong with the last command, if anything: nothing behind it can be understood.</summary>
    public string? Error { get; private set; }

    /// <summary>Takes one command from the octets. False when it is not whole yet, or wrong.</summary>
    public bool TryRead(ReadOnlySpan<byte> octets, CommandList commands)
    {
        while (Error is null)
        {
            if (_isInCommand)
            {
                if (_argumentsLeft > 0 && !TryReadArgument(octets, commands))
                {
                    return false;
                }

                if (_argumentsLeft == 0)
                {
                    return End(commands);
                }
            }
            else if (_position >= octets.Length)
            {
                return false;
            }
            else if (octets[_position] != (byte)'*')
            {
                return TryReadInline(octets, commands);
            }
            else if (!TryReadNumber(octets, Limits.MostArguments, "Protocol error: invalid multibulk length", out var count))
            {
                return false;
            }
            else if (count > 0)
            {
                _isInCommand = true;
                _argumentsLeft = count;
                _bulkLength = -1;
            }
            else
            {
                // An empty array is no command.
                Start = _position;
            }
        }

        return false;
    }

    private bool TryReadArgument(ReadOnlySpan<byte> octets, CommandList commands)
    {
        if (_bulkLength < 0)
        {
            if (_position >= octets.Length)
            {
                return false;
            }

            if (octets[_position] != (byte)'$')
            {
                Error = $"Protocol error: expected '$', got '{(char)octets[_position]}'";
                return false;
            }

            if (!TryReadNumber(octets, Limits.LongestCommand, "Protocol error: invalid bulk length", out var length))
            {
                return false;
            }

            if (length < 0 || _position - Start + length > Limits.LongestCommand)
            {
                Error = "Protocol error: invalid bulk length";
                return false;
            }

            _bulkLength = length;
        }

        if (octets.Length - _position < _bulkLength + 2)
        {
            return false;
        }

        commands.AddArgument(_position, _bulkLength);
        _position += _bulkLength + 2;
        _bulkLength = -1;
        _argumentsLeft--;
        return true;
    }

    private bool TryReadInline(ReadOnlySpan<byte> octets, CommandList commands)
    {
        var line = octets[_position..];
        var end = line.IndexOf((byte)'\n');
        if (end < 0)
        {
            Error = line.Length > Limits.LongestInline ? "Protocol error: too big inline request" : null;
            return false;
        }

        var start = _position;
        _position += end + 1;
        var words = 0;
        foreach (var word in line[..end].TrimEnd((byte)'\r').Split((byte)' '))
        {
            var (offset, length) = word.GetOffsetAndLength(end);
            if (length > 0 && (line[offset] != '\r' || length > 1))
            {
                commands.AddArgument(start + offset, length);
                words++;
            }
        }

        if (words == 0)
        {
            Start = _position;
            return TryRead(octets, commands);
        }

        return End(commands);
    }

    private bool End(CommandList commands)
    {
        commands.EndCommand();
        _isInCommand = false;
        Start = _position;
        return true;
    }

    // The number behind the type's letter, up to CRLF.
    private bool TryReadNumber(ReadOnlySpan<byte> octets, int most, string error, out int number)
    {
        number = 0;
        var rest = octets[(_position + 1)..];
        var end = rest.IndexOf((byte)'\n');
        if (end < 0)
        {
            Error = rest.Length > 32 ? error : null;
            return false;
        }

        if (end < 1 || rest[end - 1] != '\r' || !Utf8Parser.TryParse(rest, out number, out var used) || used != end - 1 || number > most)
        {
            Error = error;
            return false;
        }

        _position += end + 2;
        return true;
    }
}
