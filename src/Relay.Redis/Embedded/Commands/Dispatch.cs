using System.Text;
using Relay.Redis.Embedded.Execution;
using Relay.Redis.Embedded.Wire;

namespace Relay.Redis.Embedded.Commands;

/// <summary>Finds a command and decides whether it is executed now, queued or refused.</summary>
internal static class Dispatch
{
    public const string NotWritable = "MISCONF The store cannot write to its disk: it is full or failed. Nothing was written.";

    // Queued, these could not mean anything.
    private const string OnlyListening =
        "ERR Can't execute '{0}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";

    public static void Execute(Executor executor, Session session, Arguments arguments)
    {
        var reply = session.Connection.Replies;
        var command = CommandTable.Find(arguments[0]);
        var refusal = command is null ? Unknown(arguments)
            : !command.Takes(arguments.Count) ? $"ERR wrong number of arguments for '{command.Name}' command"
            : session.Subscriptions > 0 && !PubSub.IsAllowedWhileListening(command) ? string.Format(null, OnlyListening, command.Name)
            : executor.Keyspace is null || (command.Writes && !executor.IsWritable) ? NotWritable
            : null;

        if (refusal is not null)
        {
            session.IsAborted = session.IsQueueing;
            reply.Error(refusal);
        }
        else if (session.IsQueueing && !command!.IsImmediate)
        {
            Queue(session, arguments, reply);
        }
        else
        {
            command!.Handler(new Call(executor, session, arguments));
        }
    }

    private static void Queue(Session session, Arguments arguments, ReplyWriter reply)
    {
        if (session.Queue.TryAdd(arguments))
        {
            reply.Simple("QUEUED"u8);
        }
        else
        {
            session.IsAborted = true;
            reply.Error("ERR the transaction is too long");
        }
    }

    private static string Unknown(Arguments arguments)
    {
        var text = new StringBuilder();
        for (var i = 1; i < arguments.Count && text.Length < 128; i++)
        {
            text.Append('\'').Append(Shown(arguments[i], 128 - text.Length)).Append("' ");
        }

        return $"ERR unknown command '{Shown(arguments[0], 128)}', with args beginning with: {text}";
    }

    private static string Shown(ReadOnlySpan<byte> argument, int most) => Encoding.Latin1.GetString(argument[..Math.Min(argument.Length, most)]);
}
