using Relay.Redis.Embedded.Execution;
using Relay.Redis.Embedded.Storage;
using Relay.Redis.Embedded.Wire;

namespace Relay.Redis.Embedded.Commands;

/// <summary>Executes one command and writes exactly one reply.</summary>
internal delegate void CommandHandler(Call call);

/// <param name="Arity">Words, the name included; negative: at least so many. As in Redis.</param>
/// <param name="Writes">Refused while the disk is full.</param>
/// <param name="IsImmediate">Executed between MULTI and EXEC instead of being queued.</param>
internal sealed record Command(string Name, int Arity, CommandHandler Handler, bool Writes, bool IsImmediate)
{
    public bool Takes(int words) => Arity > 0 ? words == Arity : words >= -Arity;
}

/// <summary>One command as its handler sees it.</summary>
internal readonly ref struct Call(Executor executor, Session session, Arguments arguments)
{
    public const string SyntaxError = "ERR syntax error";
    public const string NotAnInteger = "ERR value is not an integer or out of range";
    public const string NotAFloat = "ERR value is not a valid float";

    private const string WrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";

    private readonly Arguments _arguments = arguments;

    public Executor Executor { get; } = executor;

    public Session Session { get; } = session;

    public Keyspace Keyspace => Executor.Keyspace!;

    public ReplyWriter Reply => Session.Connection.Replies;

    public int Count => _arguments.Count;

    public ReadOnlySpan<byte> this[int index] => _arguments[index];

    public bool Is(int index, ReadOnlySpan<byte> word) => _arguments.Is(index, word);

    /// <summary>Finds the key in the first argument. False, and refused, when it is of another type.</summary>
    public bool TryFind(EntryType type, out Entry? entry) => TryFind(1, type, out entry);

    public bool TryFind(int index, EntryType type, out Entry? entry)
    {
        entry = Keyspace.Find(this[index]);
        if (entry is null || entry.Type == type)
        {
            return true;
        }

        Reply.Error(WrongType);
        return false;
    }

    /// <summary>Reads a whole number. False, and refused, when it is none.</summary>
    public bool TryInteger(int index, out long number)
    {
        if (Numbers.TryParse(this[index], out number))
        {
            return true;
        }

        Reply.Error(NotAnInteger);
        return false;
    }

    public bool TryDouble(int index, out double number)
    {
        if (Numbers.TryParse(this[index], out number))
        {
            return true;
        }

        Reply.Error(NotAFloat);
        return false;
    }
}
