using System.Diagnostics;
using Relay.Delivery.Connections;
using Relay.Delivery.Scheduling;
using Relay.Delivery.TlsPolicies;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Delivery.Sending;

/// <summary>
/// Carries the units of one site, one after the other, over one connection at a time: takes a unit, sees that there is a
/// connection that fits, runs the transaction, hands the outcome on without waiting for the store, and takes the next. Where the
/// remote takes commands ahead and more work waits, the next envelope leaves in one flight with the body before it, so that a
/// message costs one round trip.
/// </summary>
internal sealed class Courier(Site site, CourierOffice office)
{
    // How long the answer to a larger message takes says more about the message.
    private const int Telling = 64 * 1024;

    private readonly RiderSeat _seat = new(site, office);
    private SmtpConnection? _connection;
    private TaskCompletionSource<HeldLease?>? _wake;
    private ITimer? _patience;

    public async Task RunAsync()
    {
        site.Offer(_seat);
        var next = await NextAsync();
        while (next is not null && await CarrySafelyAsync(next))
        {
            next = await NextAsync();
        }

        site.Withdraw(_seat);
        _seat.Dispose();
        if (_patience is not null)
        {
            await _patience.DisposeAsync();
        }
    }

    /// <summary>Ends the wait of a parked courier, with work or, with null, for good.</summary>
    public void Wake(HeldLease? held) => _wake!.SetResult(held);

    // Null when this courier has left its site.
    private async ValueTask<Carriage?> NextAsync()
    {
        if (await TakeRiderAsync() is { } rider)
        {
            return rider;
        }

        if (site.TryTake(out var next) || (next = await ParkAsync()) is not null)
        {
            return new Carriage(next);
        }

        // QUIT before leaving: who waits for the site to be empty waits for this too.
        await DropAsync(politely: true);
        return site.TryLeave(out next) ? null : new Carriage(next);
    }

    // Null when nobody rode behind the last body, or when somebody else carries that unit now.
    private async ValueTask<Carriage?> TakeRiderAsync()
    {
        var rider = _seat.Take(out var orphan);
        if (orphan is not null && orphan.Connection == _connection && !await orphan.WithdrawAsync())
        {
            await DropAsync(politely: false);
        }

        return rider;
    }

    // Null when there was nothing to do for as long as a connection is kept warm.
    private async ValueTask<HeldLease?> ParkAsync()
    {
        if (_connection is null || office.Options.IdleConnection == TimeSpan.Zero)
        {
            return null;
        }

        _wake = new TaskCompletionSource<HeldLease?>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!site.TryPark(this, out var held) || held is not null)
        {
            return held;
        }

        _connection.Output.Dispose();
        _patience ??= office.Time.CreateTimer(static courier => ((Courier)courier!).LosePatience(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _patience.Change(office.Options.IdleConnection, Timeout.InfiniteTimeSpan);
        held = await _wake.Task;
        _patience.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        return held;
    }

    private void LosePatience()
    {
        if (site.TryUnpark(this))
        {
            Wake(null);
        }
    }

    // False when this courier has left its site.
    private async ValueTask<bool> CarrySafelyAsync(Carriage carriage)
    {
        var held = carriage.Held;
        try
        {
            return await CarryAsync(carriage);
        }
        catch (OperationCanceledException) when (office.Aborted.IsCancellationRequested)
        {
            // Only looking up a host can end so: nothing was sent.
            office.Settler.Release(held);
            return true;
        }
        catch (Exception e)
        {
            // A mistake of ours must neither end the courier nor keep the unit for ever; it may pass with the next version.
            office.Logger.AttemptFailed(held.Lease.Id, e);
            await DropAsync(politely: false);
            var attempt = new Attempt(held.Lease);
            attempt.EndRest(new Outcome.Deferred("an error of ours stopped the attempt", DeliveryRules.Internal), default);
            office.Settler.Settle(held, attempt.ToSettlement(office.Settlements));
            return true;
        }
    }

    private async ValueTask<bool> CarryAsync(Carriage carriage)
    {
        var held = carriage.Held;
        if (carriage.Ahead?.Connection != _connection)
        {
            carriage.Ahead = null;
        }

        if (carriage.Ahead is null && !office.MayBegin(held))
        {
            return true;
        }

        using var trace = StartTrace(held.Lease.Message);
        var attempt = carriage.Attempt;
        while (!attempt.IsOver)
        {
            if (_connection is null && site.Standing.Excuse() is { } excuse)
            {
                attempt.EndRest(excuse.ToOutcome(office.Time.GetUtcNow()), default);
            }
            else if (carriage.Ahead is null && await ConnectAsync(attempt) is { } failed)
            {
                // What only this message demands keeps no other from being carried.
                if (!failed.IsForMessage && attempt.IsUntouched && site.TryShrink(held, failed.Words, failed.IsTooMuch))
                {
                    return false;
                }

                // Who says that it is too much is there: that is heard with the outcome.
                if (failed is { Status: null, IsForMessage: false, IsTooMuch: false })
                {
                    office.NotReached(site, failed.Words);
                }

                attempt.EndRest(failed.ToOutcome(), new Contact(failed.Host, failed.Address) { Policy = TlsTerms.PolicyOf(failed.Source) });
            }
            else
            {
                await SendAsync(carriage, _connection!);
            }
        }

        if (attempt.CountsAsNone || (office.Aborted.IsCancellationRequested && attempt.ChangedNothing))
        {
            office.Settler.Release(held);
            return true;
        }

        office.Metrics.Attempted();
        office.Heard(site, attempt);
        trace?.SetTag("server.address", attempt.LastContact.Host);
        office.Settler.Settle(held, attempt.ToSettlement(office.Settlements));
        return true;
    }

    private async ValueTask SendAsync(Carriage carriage, SmtpConnection connection)
    {
        var attempt = carriage.Attempt;
        var transaction = carriage.Ahead ?? office.NewTransaction(connection, attempt);
        carriage.Ahead = null;
        var end = await transaction.OpenAsync() ?? await transaction.PrepareAsync(office.Aborted);
        if (end is null)
        {
            var leads = attempt.EndsWith(transaction.Outcomes) && TrySeatNext(connection);
            var began = office.Time.GetTimestamp();
            end = await transaction.SendAsync(leads);
            attempt.Took = attempt.Lease.Message.Content.Length <= Telling ? office.Time.GetElapsedTime(began) : null;
        }

        if (end == TransactionEnd.NeverBegan)
        {
            await DropAsync(politely: false);
            return;
        }

        if (end == TransactionEnd.TurnOver)
        {
            await DropAsync(politely: false);
            attempt.EndTurn();
            return;
        }

        attempt.EndBatch(transaction.Outcomes, Contact.With(connection));
        if (end == TransactionEnd.Spoiled)
        {
            await DropAsync(politely: false);

            // Whatever ended the connection would end the next one too; what is left waits for its next turn.
            attempt.EndRest(new Outcome.Deferred("not tried: the connection was lost before", DeliveryRules.ConnectionLost), attempt.LastContact);
        }
    }

    // Takes the next unit while the body of this one has not left. True when its envelope stands behind that body.
    private bool TrySeatNext(SmtpConnection connection)
    {
        if (connection.IsSlow || !connection.Capabilities.Pipelining || !HasTurnsLeft(connection))
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

    // Null where the message has to come alone, step by step, over another connection, or not at all.
    private Transaction? TryRide(Attempt attempt, SmtpConnection connection)
    {
        if (attempt.IsCareful
            || !connection.Security.Satisfies(attempt.Demand, attempt.Domain)
            || office.NewTransaction(connection, attempt) is not { IsOver: false } transaction)
        {
            return null;
        }

        transaction.Ride();
        office.Metrics.ConnectionReused();
        return transaction;
    }

    // Null when there is a connection that fits.
    private async ValueTask<Opened.Failed?> ConnectAsync(Attempt attempt)
    {
        if (_connection is { } open)
        {
            if (Fits(open, attempt))
            {
                office.Metrics.ConnectionReused();
                return null;
            }

            await DropAsync(politely: !open.HasInput);
        }

        switch (await office.Connector.OpenAsync(site.Plan, new ConnectionWish(attempt.Domain, attempt.Demand, attempt.HostToTryFirst), office.Aborted))
        {
            case Opened.Ready ready:
                _connection = ready.Connection;
                office.Reached(site);
                return null;
            case var other:
                return (Opened.Failed)other;
        }
    }

    private bool Fits(SmtpConnection open, Attempt attempt) =>
        !open.HasInput
        && HasTurnsLeft(open)
        && open.Security.Satisfies(attempt.Demand, attempt.Domain)
        && (attempt.HostToTryFirst is not { } host || host == open.Host.Name);

    private bool HasTurnsLeft(SmtpConnection open) =>
        open.Messages < Math.Min(site.Standing.Provider.Ceilings.MessagesPerConnection, open.Capabilities.MaxMessages ?? int.MaxValue);

    private async ValueTask DropAsync(bool politely)
    {
        if (_connection is not { } connection)
        {
            return;
        }

        _connection = null;
        site.Disconnected(this);
        if (politely)
        {
            await connection.QuitAsync(office.Options.Timeouts.Quit);
        }
        else
        {
            connection.Dispose();
        }
    }

    private static Activity? StartTrace(Message message)
    {
        if (!DeliveryMetrics.Traces.HasListeners())
        {
            return null;
        }

        ActivityContext.TryParse(message.TraceParent, null, out var parent);
        var trace = DeliveryMetrics.Traces.StartActivity("deliver", ActivityKind.Client, parent);
        return trace?.SetTag("relay.message", message.Id.ToString());
    }
}
