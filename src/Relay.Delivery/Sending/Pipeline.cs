using Relay.Delivery.Connections;
using Relay.Delivery.Scheduling;

namespace Relay.Delivery.Sending;

/// <summary>
/// What else a courier sends while replies are awaited: the next envelope behind the body at hand (<see cref="RiderSeat"/>), or
/// whole messages in one flight (<see cref="Flight"/>).
/// </summary>
internal sealed class Pipeline(Site site, CourierOffice office, Line line) : IDisposable
{
    private readonly RiderSeat _seat = new(site, office);

    /// <summary>The unit whose turn is next; null when nobody sat behind the last body, or somebody else carries that unit now.</summary>
    public async ValueTask<Carriage?> TakeRiderAsync()
    {
        var rider = _seat.Take(out var orphan);
        if (orphan is not null && orphan.Connection == line.Connection && !await orphan.WithdrawAsync())
        {
            await line.DropAsync(politely: false);
        }

        return rider;
    }

    /// <summary>Takes the next unit while the body of this one has not left. True when its envelope stands behind that body.</summary>
    public bool TrySeatNext(SmtpConnection connection)
    {
        if (_seat.IsTaken || connection.IsSlow || !connection.Capabilities.Pipelining || !line.HasTurnsLeft)
        {
            return false;
        }

        while (site.TryTake(out var next))
        {
            if (office.MayBegin(next))
            {
                // Seated first: whatever goes wrong with its envelope, it is not forgotten.
                var rider = new Carriage(next);
                _seat.Seat(rider);
                rider.Ahead = TryRide(rider.Attempt, connection);
                return rider.Ahead is not null;
            }
        }

        return false;
    }

    /// <summary>Sends the unit and as many more as the connection has earned in one flight. False when this one has to go another way.</summary>
    public async ValueTask<bool> TryFlyAsync(Carriage first, SmtpConnection connection)
    {
        if (connection.FlightSize == 0 || connection.WasIdle)
        {
            return false;
        }

        var began = office.Time.GetUtcNow();
        var flight = new Flight(connection, site.Plan, office);
        if (!await flight.TryBoardAsync(first))
        {
            return false;
        }

        try
        {
            await FillAsync(flight, connection);
            if (!await flight.FlyAsync(landed => office.Finish(site, landed)))
            {
                await line.DropAsync(politely: false);
            }
        }
        finally
        {
            foreach (var other in flight.Carriages.Where(c => c != first))
            {
                End(other, began);
            }
        }

        return true;
    }

    public void Dispose() => _seat.Dispose();

    // Null where the message has to come alone, step by step, over another connection, or not at all; and where it can fly.
    private Transaction? TryRide(Attempt attempt, SmtpConnection connection)
    {
        if (attempt.IsCareful
            || !office.Suits(connection, site.Plan, attempt)
            || office.NewTransaction(connection, attempt) is not { IsOver: false } transaction
            || (transaction.IsByChunk && connection.FlightSize > 0))
        {
            return null;
        }

        transaction.Ride();
        office.Metrics.ConnectionReused();
        return transaction;
    }

    private async ValueTask FillAsync(Flight flight, SmtpConnection connection)
    {
        while (!_seat.IsTaken && flight.Count < connection.FlightSize && line.HasTurnsLeft && site.TryTake(out var next))
        {
            if (!office.MayBegin(next))
            {
                continue;
            }

            var other = new Carriage(next);
            var isAboard = false;
            try
            {
                isAboard = await flight.TryBoardAsync(other);
            }
            finally
            {
                if (!isAboard)
                {
                    _seat.Seat(other);
                }
            }

            if (isAboard)
            {
                office.Metrics.ConnectionReused();
            }
        }
    }

    private void End(Carriage flown, DateTimeOffset began)
    {
        using var trace = DeliveryTrace.Start(flown.Held.Lease.Message, began);
        trace?.SetTag("server.address", flown.Attempt.LastContact.Host);
        if (flown.Attempt.IsOver)
        {
            office.Finish(site, flown);
        }
        else
        {
            office.GiveBack(site, flown.Held);
        }
    }
}
