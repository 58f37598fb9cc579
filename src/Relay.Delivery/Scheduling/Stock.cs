using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// The units held for one site, one domain whose way is being looked up, or one account. Where there are enough, the rest
/// waits in the queue behind the gate, which opens when a good part has gone: to ask at each would cost more than it brings.
/// </summary>
/// <param name="shared">What is held here is held there as well.</param>
internal sealed class Stock(Stock? shared = null)
{
    private const int PartGone = 4;
    private const int MostGone = 64;

    private readonly Lock _lock = new();
    private int _units;
    private int _promised;
    private int _asking;
    private bool _isClosed;
    private int _openAt;

    public Gate Gate { get; } = new();

    public Stock? Shared { get; } = shared;

    public int Units => Volatile.Read(ref _units);

    /// <summary>Those here and those promised in this asking.</summary>
    public int Expected(int asking)
    {
        lock (_lock)
        {
            return _units + (_asking == asking ? _promised : 0);
        }
    }

    /// <summary>Whether one more fits. If not, the gate is closed, and opens by <see cref="Remove"/>.</summary>
    public bool HasRoom(int limit, int asking)
    {
        lock (_lock)
        {
            var units = _units + (_asking == asking ? _promised : 0);
            if (units < limit)
            {
                return true;
            }

            _isClosed = true;
            _openAt = Math.Max(0, units - Math.Clamp(units / PartGone, 1, MostGone));
            return false;
        }
    }

    /// <summary>One more will come. It counts until the next asking; by then it is here.</summary>
    public void Promise(int asking)
    {
        lock (_lock)
        {
            _promised = _asking == asking ? _promised + 1 : 1;
            _asking = asking;
        }
    }

    public void Add()
    {
        lock (_lock)
        {
            _units++;
        }
    }

    /// <summary>A unit has gone. Returns the gate when it is to be opened for that.</summary>
    public Gate? Remove()
    {
        lock (_lock)
        {
            _units--;
            if (!_isClosed || _units > _openAt)
            {
                return null;
            }

            _isClosed = false;
            return Gate;
        }
    }
}
