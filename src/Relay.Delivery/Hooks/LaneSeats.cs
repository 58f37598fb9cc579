namespace Relay.Delivery.Hooks;

/// <summary>
/// What was read of a lane stands in memory until it is posted, which may take as long as a program hangs: so a lane is read only
/// once it has a seat. A program's own come first, so that what waits for a slow one holds no seat that others could have.
/// </summary>
internal sealed class LaneSeats
{
    /// <summary>Octets that are read of a lane at a time, as they are kept; in memory they take about three times as much.</summary>
    // Some hundred messages as they mostly are. With four lanes that is 1 MiB for a program, and 64 MiB for all together.
    public const long OctetsOfLane = 256 * 1024;

    // So many programs as hang before anybody notices fill the seats for all: 64, as with four lanes each.
    private const int ForAll = 256;

    // Of programs that are known to fail one message is read, and what is given up; of those that rest only the latter.
    private const int ForTries = 64;
    private const int ForResting = 16;

    private readonly SemaphoreSlim _all = new(ForAll);
    private readonly SemaphoreSlim _tries = new(ForTries);
    private readonly SemaphoreSlim _resting = new(ForResting);

    /// <summary>Waits for a seat, which is given back when it is disposed.</summary>
    public async ValueTask<Seat> TakeAsync(Endpoint endpoint, CancellationToken cancellation)
    {
        await endpoint.Lanes.WaitAsync(cancellation);
        var seats = endpoint.RestsUntil is not null ? _resting : endpoint.IsFailing ? _tries : _all;
        try
        {
            await seats.WaitAsync(cancellation);
        }
        catch
        {
            endpoint.Lanes.Release();
            throw;
        }

        return new Seat(endpoint, seats);
    }

    internal readonly struct Seat(Endpoint endpoint, SemaphoreSlim seats) : IDisposable
    {
        public void Dispose()
        {
            seats.Release();
            endpoint.Lanes.Release();
        }
    }
}
