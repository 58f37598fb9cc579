namespace Relay.Smtp.Client;

/// <summary>
/// Finds the end of one reply in what was received so far, and its code (RFC 5321, 4.2). Give it the same octets again with
/// more behind them: what it has seen it does not look at twice. A new one for each reply.
/// </summary>
public struct ReplyScanner
{
    /// <summary>Octets in a line with its end. 512 by RFC 5321, 4.5.3.1.5; real servers write longer ones, which harms nobody up to here.</summary>
    public const int MaxLineOctets = 4 * 1024;

    public const int MaxLines = 100;
    public const int MaxOctets = 64 * 1024;

    private int _lineStart;
    private int _scanned;
    private int _lines;

    /// <summary>After <see cref="ReplyScan.Complete"/>: 200 to 599. Where lines disagree, the last one counts.</summary>
    public int Code { get; private set; }

    /// <summary>After <see cref="ReplyScan.Complete"/>: how many octets the reply takes.</summary>
    public int Length { get; private set; }

    public ReplyScan Scan(ReadOnlySpan<byte> received)
    {
        while (received[_scanned..].IndexOf((byte)'\n') is var found and >= 0)
        {
            var line = received[_lineStart..(_scanned + found)];
            _scanned += found + 1;
            _lines++;
            if (line.Length >= MaxLineOctets || _scanned > MaxOctets || _lines > MaxLines)
            {
                return ReplyScan.TooLong;
            }

            if (!TryReadLine(line, out var code, out var isLast))
            {
                return ReplyScan.Malformed;
            }

            _lineStart = _scanned;
            if (isLast)
            {
                (Code, Length) = (code, _scanned);
                return ReplyScan.Complete;
            }
        }

        _scanned = received.Length;
        return _scanned - _lineStart >= MaxLineOctets || _scanned >= MaxOctets ? ReplyScan.TooLong : ReplyScan.Incomplete;
    }

    // A lone LF ends a line too: some servers never learned it, and in a reply nothing can hide behind it.
    private static bool TryReadLine(ReadOnlySpan<byte> line, out int code, out bool isLast)
    {
        line = line.EndsWith("\r"u8) ? line[..^1] : line;
        code = 0;
        isLast = line.Length == 3 || (line.Length > 3 && line[3] == ' ');
        if (!isLast && !(line.Length > 3 && line[3] == '-'))
        {
            return false;
        }

        if (line[0] is < (byte)'2' or > (byte)'5' || !char.IsAsciiDigit((char)line[1]) || !char.IsAsciiDigit((char)line[2]))
        {
            return false;
        }

        code = ((line[0] - '0') * 100) + ((line[1] - '0') * 10) + (line[2] - '0');
        return true;
    }
}

public enum ReplyScan
{
    /// <summary>Read more.</summary>
    Incomplete,
    Complete,

    /// <summary>This is no reply of SMTP; nothing that follows can be trusted.</summary>
    Malformed,

    /// <summary>Over a limit. A server that does so may go on for ever.</summary>
    TooLong,
}
