using Relay.Redis.Embedded.Wire;

namespace Relay.Redis.Embedded.Execution;

/// <summary>What is known of a client between its commands. Only the executor's thread looks at it.</summary>
internal sealed class Session(Connection connection, long id)
{
    public Connection Connection { get; } = connection;

    public long Id { get; } = id;

    public byte[] Name { get; set; } = [];

    /// <summary>Commands answered in this turn: so many replies are due should the turn fail.</summary>
    public int CommandsInTurn { get; set; }

    /// <summary>Between MULTI and EXEC.</summary>
    public bool IsQueueing { get; set; }

    /// <summary>A command could not be queued, so EXEC does nothing and says so.</summary>
    public bool IsAborted { get; set; }

    /// <summary>A watched key changed, so EXEC does nothing.</summary>
    public bool IsStale { get; set; }

    public QueuedCommands Queue { get; } = new();

    public List<byte[]> Watched { get; } = [];

    public HashSet<byte[]> Channels { get; } = new(Storage.OctetsComparer.Instance);

    public HashSet<byte[]> Patterns { get; } = new(Storage.OctetsComparer.Instance);

    public int Subscriptions => Channels.Count + Patterns.Count;
}

/// <summary>The commands between MULTI and EXEC, copied: their requests go back to be filled anew.</summary>
internal sealed class QueuedCommands
{
    // As much as a step of accepts needs, so that it is not made anew each time.
    private const int LargestKept = 8 * 1024 * 1024;

    private readonly CommandList _commands = new();
    private byte[] _octets = [];
    private int _length;

    public int Count => _commands.Count;

    /// <summary>False when they are more than a client may ask for at once.</summary>
    public bool TryAdd(Arguments arguments)
    {
        for (var i = 0; i < arguments.Count; i++)
        {
            var argument = arguments[i];
            if (_length + argument.Length > Limits.LongestCommand)
            {
                _commands.DropUnfinished();
                return false;
            }

            if (_octets.Length - _length < argument.Length)
            {
                Array.Resize(ref _octets, Math.Max(_octets.Length * 2, Math.Max(4096, _length + argument.Length)));
            }

            argument.CopyTo(_octets.AsSpan(_length));
            _commands.AddArgument(_length, argument.Length);
            _length += argument.Length;
        }

        _commands.EndCommand();
        return true;
    }

    public Arguments this[int command] => _commands.Get(command, _octets);

    public void Clear()
    {
        _commands.Clear();
        _length = 0;
        if (_octets.Length > LargestKept)
        {
            _octets = [];
        }
    }
}
