using Relay.Redis.Embedded.Storage;

namespace Relay.Redis.Embedded.Execution;

/// <summary>Who watches which key.</summary>
internal sealed class Watches
{
    private readonly Dictionary<byte[], List<Session>> _watchers = new(OctetsComparer.Instance);

    public void Add(Session session, ReadOnlySpan<byte> key)
    {
        var lookup = _watchers.GetAlternateLookup<ReadOnlySpan<byte>>();
        if (!lookup.TryGetValue(key, out var watchers))
        {
            lookup[key] = watchers = [];
        }

        if (!watchers.Contains(session))
        {
            watchers.Add(session);
            session.Watched.Add(key.ToArray());
        }
    }

    public void Remove(Session session)
    {
        foreach (var key in session.Watched)
        {
            if (_watchers.TryGetValue(key, out var watchers) && watchers.Remove(session) && watchers.Count == 0)
            {
                _watchers.Remove(key);
            }
        }

        session.Watched.Clear();
        session.IsStale = false;
    }

    public void Changed(byte[] key)
    {
        if (_watchers.Count > 0 && _watchers.TryGetValue(key, out var watchers))
        {
            foreach (var session in watchers)
            {
                session.IsStale = true;
            }
        }
    }

    /// <summary>The files were opened anew: nobody knows what changed.</summary>
    public void AllChanged()
    {
        foreach (var session in _watchers.Values.SelectMany(w => w))
        {
            session.IsStale = true;
        }
    }
}
