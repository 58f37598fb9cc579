using Relay.Redis.Embedded.Execution;

namespace Relay.Redis.Embedded.Commands;

internal static class Transactions
{
    public static void Multi(Call call)
    {
        if (call.Session.IsQueueing)
        {
            call.Reply.Error("ERR MULTI calls can not be nested");
            return;
        }

        call.Session.IsQueueing = true;
        call.Reply.Ok();
    }

    public static void Exec(Call call)
    {
        var session = call.Session;
        if (!session.IsQueueing)
        {
            call.Reply.Error("ERR EXEC without MULTI");
            return;
        }

        // A watched key that expired is gone only once somebody looks.
        foreach (var key in session.Watched)
        {
            call.Keyspace.Find(key);
        }

        if (session.IsAborted)
        {
            call.Reply.Error("EXECABORT Transaction discarded because of previous errors.");
        }
        else if (session.IsStale)
        {
            call.Reply.NullArray();
        }
        else
        {
            Execute(call.Executor, session);
        }

        End(call.Executor, session);
    }

    public static void Discard(Call call)
    {
        if (!call.Session.IsQueueing)
        {
            call.Reply.Error("ERR DISCARD without MULTI");
            return;
        }

        End(call.Executor, call.Session);
        call.Reply.Ok();
    }

    public static void Watch(Call call)
    {
        if (call.Session.IsQueueing)
        {
            call.Reply.Error("ERR WATCH inside MULTI is not allowed");
            return;
        }

        for (var i = 1; i < call.Count; i++)
        {
            // Looking makes an expired key vanish before it is watched.
            call.Keyspace.Find(call[i]);
            call.Executor.Watches.Add(call.Session, call[i]);
        }

        call.Reply.Ok();
    }

    public static void Unwatch(Call call)
    {
        call.Executor.Watches.Remove(call.Session);
        call.Reply.Ok();
    }

    /// <summary>Forgets what a client queued and watched.</summary>
    public static void End(Executor executor, Session session)
    {
        session.IsQueueing = false;
        session.IsAborted = false;
        session.Queue.Clear();
        executor.Watches.Remove(session);
    }

    private static void Execute(Executor executor, Session session)
    {
        // Its own commands are executed as such, and what they change is not held against it.
        session.IsQueueing = false;
        session.Connection.Replies.Array(session.Queue.Count);
        for (var i = 0; i < session.Queue.Count; i++)
        {
            Dispatch.Execute(executor, session, session.Queue[i]);
        }
    }
}
