namespace Relay.Redis.Embedded.Wire;

/// <summary>
/// Octets from a client and the commands found in them. It goes from the connection to the executor and back: while it is
/// there nothing is read into it, so no argument is copied.
/// </summary>
internal sealed class Request(Connection connection)
{
    private const int Smallest = 32 * 1024;

    // Two full steps of accepts; what a larger one needed is given back.
    private const int LargestKept = 1024 * 1024;

    private RespParser _parser;

    public Connection Connection { get; } = connection;

    public CommandList Commands { get; } = new();

    public byte[] Buffer { get; private set; } = new byte[Smallest];

    public int Filled { get; private set; }

    /// <summary>The connection ended; nothing more comes from it.</summary>
    public bool IsLast { get; set; }

    /// <summary>What the client did wrong behind the commands, if anything.</summary>
    public string? Error => _parser.Error;

    public Memory<byte> Free
    {
        get
        {
            if (Filled == Buffer.Length)
            {
                var larger = new byte[Buffer.Length * 2];
                Buffer.AsSpan(0, Filled).CopyTo(larger);
                Buffer = larger;
            }

            return Buffer.AsMemory(Filled);
        }
    }

    /// <summary>Takes note of what was read. True when there is something to execute or to refuse.</summary>
    public bool Add(int octets)
    {
        Filled += octets;
        while (_parser.TryRead(Buffer.AsSpan(0, Filled), Commands))
        {
        }

        return Commands.Count > 0 || Error is not null;
    }

    /// <summary>Moves the command that is not whole yet to the next request.</summary>
    public bool MoveRestTo(Request next)
    {
        var rest = Buffer.AsSpan(_parser.Start, Filled - _parser.Start);
        Filled = _parser.Start;
        Commands.DropUnfinished();
        if (next.Buffer.Length < rest.Length)
        {
            next.Buffer = new byte[rest.Length * 2];
        }

        rest.CopyTo(next.Buffer);
        return next.Add(rest.Length);
    }

    public void Clear()
    {
        _parser = default;
        Commands.Clear();
        Filled = 0;
        IsLast = false;
        if (Buffer.Length > LargestKept)
        {
            Buffer = new byte[Smallest];
        }
    }
}
