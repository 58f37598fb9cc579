using Relay.Redis.Embedded.Storage;
using Relay.Redis.Embedded.Wire;

namespace Relay.Redis.Embedded.Execution;

/// <summary>Who listens to which channel. A message leaves with the turn that published it.</summary>
internal sealed class Subscriptions
{
    private readonly Dictionary<byte[], List<Session>> _channels = new(OctetsComparer.Instance);
    private readonly Dictionary<byte[], List<Session>> _patterns = new(OctetsComparer.Instance);

    public int Patterns => _patterns.Count;

    public void Subscribe(Session session, byte[] channel) => Add(_channels, session, session.Channels, channel);

    public void SubscribePattern(Session session, byte[] pattern) => Add(_patterns, session, session.Patterns, pattern);

    public void Unsubscribe(Session session, byte[] channel) => Remove(_channels, session, session.Channels, channel);

    public void UnsubscribePattern(Session session, byte[] pattern) => Remove(_patterns, session, session.Patterns, pattern);

    public void RemoveAll(Session session)
    {
        foreach (var channel in session.Channels.ToArray())
        {
            Unsubscribe(session, channel);
        }

        foreach (var pattern in session.Patterns.ToArray())
        {
            UnsubscribePattern(session, pattern);
        }
    }

    /// <summary>Writes the message to all who listen.</summary>
    /// <param name="told">Called for each, so that their replies are let go with the turn.</param>
    public int Publish(ReadOnlySpan<byte> channel, ReadOnlySpan<byte> message, Action<Session> told)
    {
        var receivers = 0;
        if (_channels.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(channel, out var listeners))
        {
            foreach (var session in listeners)
            {
                var reply = session.Connection.Replies;
                reply.Array(3);
                reply.Bulk("message"u8);
                reply.Bulk(channel);
                reply.Bulk(message);
                told(session);
                receivers++;
            }
        }

        foreach (var (pattern, sessions) in _patterns)
        {
            if (!Glob.IsMatch(pattern, channel))
            {
                continue;
            }

            foreach (var session in sessions)
            {
                var reply = session.Connection.Replies;
                reply.Array(4);
                reply.Bulk("pmessage"u8);
                reply.Bulk(pattern);
                reply.Bulk(channel);
                reply.Bulk(message);
                told(session);
                receivers++;
            }
        }

        return receivers;
    }

    /// <summary>How many listen to a channel by its name.</summary>
    public int Listeners(byte[] channel) => _channels.TryGetValue(channel, out var sessions) ? sessions.Count : 0;

    /// <summary>The channels that somebody listens to by their name.</summary>
    public void WriteChannels(ReplyWriter reply, ReadOnlySpan<byte> pattern)
    {
        var start = reply.Length;
        var count = 0;
        foreach (var channel in _channels.Keys)
        {
            if (pattern.IsEmpty || Glob.IsMatch(pattern, channel))
            {
                reply.Bulk(channel);
                count++;
            }
        }

        reply.InsertArray(start, count);
    }

    private static void Add(Dictionary<byte[], List<Session>> all, Session session, HashSet<byte[]> own, byte[] name)
    {
        if (own.Add(name))
        {
            if (!all.TryGetValue(name, out var sessions))
            {
                all[name] = sessions = [];
            }

            sessions.Add(session);
        }
    }

    private static void Remove(Dictionary<byte[], List<Session>> all, Session session, HashSet<byte[]> own, byte[] name)
    {
        if (own.Remove(name) && all.TryGetValue(name, out var sessions) && sessions.Remove(session) && sessions.Count == 0)
        {
            all.Remove(name);
        }
    }
}
