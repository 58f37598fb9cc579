namespace Relay.Redis.Embedded.Execution;

/// <summary>Where the walks of clients go on. A cursor on the wire is a number, a place among keys is a key.</summary>
internal sealed class Cursors
{
    // A walk that nobody continues is forgotten after so many others.
    private const int MostKept = 1024;

    private readonly Dictionary<long, byte[]> _places = [];
    private readonly Queue<long> _order = new();
    private long _last;

    public long Keep(byte[] place)
    {
        _places[++_last] = place;
        _order.Enqueue(_last);
        if (_order.Count > MostKept)
        {
            _places.Remove(_order.Dequeue());
        }

        return _last;
    }

    /// <summary>The place behind a cursor; nothing for 0, the beginning. False when it is too old.</summary>
    public bool TryGet(long cursor, out byte[] place)
    {
        place = [];
        return cursor == 0 || _places.TryGetValue(cursor, out place!);
    }
}
