namespace Relay.Redis.Embedded.Commands;

internal static class PubSub
{
    public static bool IsAllowedWhileListening(Command command) =>
        command.Name is "subscribe" or "psubscribe" or "unsubscribe" or "punsubscribe" or "ping" or "quit" or "reset";

    public static void Publish(Call call) =>
        call.Reply.Integer(call.Executor.Subscriptions.Publish(call[1], call[2], call.Executor.Tell));

    public static void Introspect(Call call)
    {
        if (call.Is(1, "numsub"u8))
        {
            call.Reply.Array((call.Count - 2) * 2);
            for (var i = 2; i < call.Count; i++)
            {
                call.Reply.Bulk(call[i]);
                call.Reply.Integer(call.Executor.Subscriptions.Listeners(call[i].ToArray()));
            }
        }
        else if (call.Is(1, "numpat"u8))
        {
            call.Reply.Integer(call.Executor.Subscriptions.Patterns);
        }
        else if (call.Is(1, "channels"u8))
        {
            call.Executor.Subscriptions.WriteChannels(call.Reply, call.Count > 2 ? call[2] : []);
        }
        else
        {
            call.Reply.Error(Server.UnknownSubcommand(call));
        }
    }

    public static void Subscribe(Call call)
    {
        for (var i = 1; i < call.Count; i++)
        {
            call.Executor.Subscriptions.Subscribe(call.Session, call[i].ToArray());
            Confirm(call, "subscribe"u8, call[i]);
        }
    }

    public static void SubscribePatterns(Call call)
    {
        for (var i = 1; i < call.Count; i++)
        {
            call.Executor.Subscriptions.SubscribePattern(call.Session, call[i].ToArray());
            Confirm(call, "psubscribe"u8, call[i]);
        }
    }

    public static void Unsubscribe(Call call)
    {
        var names = Named(call, call.Session.Channels);
        foreach (var channel in names)
        {
            call.Executor.Subscriptions.Unsubscribe(call.Session, channel);
            Confirm(call, "unsubscribe"u8, channel);
        }

        if (names.Length == 0)
        {
            ConfirmNone(call, "unsubscribe"u8);
        }
    }

    public static void UnsubscribePatterns(Call call)
    {
        var names = Named(call, call.Session.Patterns);
        foreach (var pattern in names)
        {
            call.Executor.Subscriptions.UnsubscribePattern(call.Session, pattern);
            Confirm(call, "punsubscribe"u8, pattern);
        }

        if (names.Length == 0)
        {
            ConfirmNone(call, "punsubscribe"u8);
        }
    }

    private static void Confirm(Call call, ReadOnlySpan<byte> kind, ReadOnlySpan<byte> name)
    {
        call.Reply.Array(3);
        call.Reply.Bulk(kind);
        call.Reply.Bulk(name);
        call.Reply.Integer(call.Session.Subscriptions);
    }

    // Leaving everything where there is nothing is answered once, without a name.
    private static void ConfirmNone(Call call, ReadOnlySpan<byte> kind)
    {
        call.Reply.Array(3);
        call.Reply.Bulk(kind);
        call.Reply.Null();
        call.Reply.Integer(call.Session.Subscriptions);
    }

    private static byte[][] Named(Call call, HashSet<byte[]> own)
    {
        if (call.Count == 1)
        {
            return [.. own];
        }

        var names = new byte[call.Count - 1][];
        for (var i = 1; i < call.Count; i++)
        {
            names[i - 1] = call[i].ToArray();
        }

        return names;
    }
}
