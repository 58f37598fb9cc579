using System.Net;
using Relay.Intake.Admission;

namespace Relay.Intake.Smtp;

/// <summary>Counts the connections in all and by address, over all listeners, so that no client takes the places of the others.</summary>
internal sealed class ConnectionCensus(int maxInAll, int maxPerAddress)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, int> _byAddress = [];
    private int _inAll;

    /// <summary>False when there is no place; true must be followed by <see cref="Leave"/>.</summary>
    public bool TryEnter(IPAddress address)
    {
        var origin = ClientOrigin.Of(address);
        lock (_lock)
        {
            var here = _byAddress.GetValueOrDefault(origin);
            if (_inAll >= maxInAll || here >= maxPerAddress)
            {
                return false;
            }

            _inAll++;
            _byAddress[origin] = here + 1;
            return true;
        }
    }

    public void Leave(IPAddress address)
    {
        var origin = ClientOrigin.Of(address);
        lock (_lock)
        {
            _inAll--;
            if (--_byAddress[origin] == 0)
            {
                _byAddress.Remove(origin);
            }
        }
    }
}
