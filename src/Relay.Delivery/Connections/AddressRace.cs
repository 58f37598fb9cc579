using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Relay.Delivery.Connections;

/// <summary>
/// Opens a connection to one of several addresses of a host (RFC 8305): one after the other, the next as soon as the one before
/// has failed, or when it has not answered for a quarter of a second. The first that stands is greeted and the others are given
/// up, so that an address which swallows everything costs that quarter and not a timeout. Only where the greeting fails are the
/// others tried again.
/// </summary>
internal sealed class AddressRace(TimeProvider time)
{
    // The delay that RFC 8305, 8 recommends.
    private static readonly TimeSpan HeadStart = TimeSpan.FromMilliseconds(250);

    // Of a host with many addresses the first ones are enough: the others stand in the same racks.
    private const int MaxAddresses = 4;

    // Who won lately; found out anew when there are so many.
    private const int MaxKnown = 10_000;

    private readonly ConcurrentDictionary<string, IPAddress> _winners = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The addresses in the order in which to try them: what won last time, then the families in turn (RFC 8305, 4).</summary>
    public IReadOnlyList<IPAddress> InOrder(string host, IReadOnlyList<IPAddress> addresses)
    {
        if (addresses.Count == 1)
        {
            return addresses;
        }

        var first = addresses[0].AddressFamily;
        var inTurn = addresses.Where(a => a.AddressFamily == first).Select((a, i) => (Address: a, Turn: 2 * i))
            .Concat(addresses.Where(a => a.AddressFamily != first).Select((a, i) => (Address: a, Turn: (2 * i) + 1)))
            .OrderBy(a => a.Turn).Select(a => a.Address);
        return _winners.TryGetValue(host, out var winner) && addresses.Contains(winner)
            ? [winner, .. inTurn.Where(a => !a.Equals(winner)).Take(MaxAddresses - 1)]
            : [.. inTurn.Take(MaxAddresses)];
    }

    /// <summary>The connection that won, or the failures in the order in which they came.</summary>
    /// <param name="open">Connects, greets where <see cref="Heat.TryWin"/> lets it, and is <see cref="Opened.Beaten"/> where not.</param>
    public async ValueTask<IReadOnlyList<Opened>> RunAsync(
        string host, IReadOnlyList<IPAddress> addresses, Func<IPAddress, Heat, ValueTask<Opened>> open, CancellationToken stop)
    {
        var failures = new List<Opened>();
        var left = addresses;
        do
        {
            var (ready, again) = await RunHeatAsync(left, open, failures, stop);
            if (ready is not null)
            {
                Remember(host, addresses, ((Opened.Ready)ready).Connection.Place.Address);
                return [ready];
            }

            left = again;
        }
        while (left.Count > 0 && !stop.IsCancellationRequested);

        return failures;
    }

    private async ValueTask<(Opened? Ready, List<IPAddress> Again)> RunHeatAsync(
        IReadOnlyList<IPAddress> addresses, Func<IPAddress, Heat, ValueTask<Opened>> open, List<Opened> failures, CancellationToken stop)
    {
        var heat = new Heat();
        var running = new Dictionary<Task<Opened>, IPAddress>();
        var again = new List<IPAddress>();
        var started = 0;
        while (true)
        {
            if (started < addresses.Count && !heat.IsWon)
            {
                var address = addresses[started++];
                running.Add(open(address, heat).AsTask(), address);
            }

            if (running.Count == 0)
            {
                again.AddRange(addresses.Skip(started));
                return (null, again);
            }

            if (await NextAsync(running.Keys, started < addresses.Count && !heat.IsWon, stop) is not { } done)
            {
                continue;
            }

            running.Remove(done, out var tried);
            Opened opened;
            try
            {
                opened = await done;
            }
            catch
            {
                // A mistake of ours. The others are still under way, and nobody else would close what they come to.
                foreach (var other in running.Keys)
                {
                    _ = CloseAsync(other);
                }

                throw;
            }

            switch (opened)
            {
                case Opened.Ready ready:
                    return (ready, again);
                case Opened.Beaten:
                    again.Add(tried!);
                    break;
                case var failed:
                    failures.Add(failed);
                    break;
            }
        }
    }

    private static async Task CloseAsync(Task<Opened> late)
    {
        await ((Task)late).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (late is { IsCompletedSuccessfully: true, Result: Opened.Ready ready })
        {
            ready.Connection.Dispose();
        }
    }

    // Null when it is time to begin with the next.
    private async ValueTask<Task<Opened>?> NextAsync(IReadOnlyCollection<Task<Opened>> running, bool more, CancellationToken stop)
    {
        if (!more)
        {
            return await Task.WhenAny(running);
        }

        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var delay = Task.Delay(HeadStart, time, over.Token);
        var first = await Task.WhenAny([.. running, delay]);
        await over.CancelAsync();
        return first as Task<Opened>;
    }

    private void Remember(string host, IReadOnlyList<IPAddress> addresses, IPAddress winner)
    {
        if (winner.Equals(addresses[0]))
        {
            return;
        }

        if (_winners.Count >= MaxKnown)
        {
            _winners.Clear();
        }

        _winners[host] = winner;
    }
}

/// <summary>Connections to one host that are being made at the same time, of which one may go on.</summary>
internal sealed class Heat
{
    private readonly CancellationTokenSource _won = new();
    private IPEndPoint? _winner;

    public bool IsWon => Volatile.Read(ref _winner) is not null;

    /// <summary>Ends the connecting of all others once one stands.</summary>
    public CancellationToken Won => _won.Token;

    /// <summary>This one stands. False when another one was quicker; the winner may come again.</summary>
    public bool TryWin(IPEndPoint place)
    {
        var before = Interlocked.CompareExchange(ref _winner, place, null);
        if (before is null)
        {
            _won.Cancel();
        }

        return before is null || before.Equals(place);
    }
}
