using System.Diagnostics;
using Relay.Delivery.Connections;
using Relay.Delivery.Scheduling;
using Relay.Delivery.TlsPolicies;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Delivery.Sending;

/// <summary>
/// Carries the units of one site, one after the other, over one connection at a time: takes a unit, sees that there is a
/// connection that fits, runs the transaction, hands the outcome on without waiting for the store, and takes the next.
/// </summary>
internal sealed class Courier(Site site, CourierOffice office)
{
    private SmtpConnection? _connection;
    private TaskCompletionSource<HeldLease?>? _wake;
    private ITimer? _patience;

    public async Task RunAsync()
    {
        var held = await NextAsync();
        while (held is not null && await CarrySafelyAsync(held))
        {
            held = await NextAsync();
        }

        if (_patience is not null)
        {
            await _patience.DisposeAsync();
        }
    }

    /// <summary>Ends the wait of a parked courier, with work or, with null, for good.</summary>
    public void Wake(HeldLease? held) => _wake!.SetResult(held);

    // Null when this courier has left its site.
    private async ValueTask<HeldLease?> NextAsync()
    {
        if (site.TryTake(out var next) || (next = await ParkAsync()) is not null)
        {
            return next;
        }

        // QUIT before leaving: who waits for the site to be empty waits for this too.
        await DropAsync(politely: true);
        return site.TryLeave(out next) ? null : next;
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
    private async ValueTask<bool> CarrySafelyAsync(HeldLease held)
    {
        try
        {
            return await CarryAsync(held);
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

    private async ValueTask<bool> CarryAsync(HeldLease held)
    {
        var lease = held.Lease;
        if (RetrySchedule.IsTooLate(lease.Message, office.Time.GetUtcNow()))
        {
            office.Settler.Settle(held, office.Settlements.Expired(lease));
            return true;
        }

        if (!office.Queue.TryBegin(lease))
        {
            office.Settler.Release(held);
            return true;
        }

        using var trace = StartTrace(lease.Message);
        var attempt = new Attempt(lease);
        while (!attempt.IsOver)
        {
            if (_connection is null && site.Standing.Excuse() is { } excuse)
            {
                attempt.EndRest(new Outcome.Deferred(excuse, DeliveryRules.Unreachable), default);
            }
            else if (await ConnectAsync(attempt) is { } failed)
            {
                // What only this message demands keeps no other from being carried.
                if (!failed.IsForMessage && attempt.IsUntouched && site.TryShrink(held))
                {
                    return false;
                }

                if (failed is { Status: null, IsForMessage: false })
                {
                    office.NotReached(site, failed.Words);
                }

                attempt.EndRest(failed.ToOutcome(), new Contact(failed.Host, failed.Address) { Policy = TlsTerms.PolicyOf(failed.Source) });
            }
            else
            {
                await SendAsync(attempt, _connection!);
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

    private async ValueTask SendAsync(Attempt attempt, SmtpConnection connection)
    {
        var (recipients, outcomes) = attempt.NextBatch(connection.Capabilities);
        var end = await office.Transaction.RunAsync(
            connection, attempt.Lease, recipients, attempt.IsCareful, outcomes, office.Aborted);
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

        attempt.EndBatch(outcomes, Contact.With(connection));
        if (end == TransactionEnd.Spoiled)
        {
            await DropAsync(politely: false);

            // Whatever ended the connection would end the next one too; what is left waits for its next turn.
            attempt.EndRest(new Outcome.Deferred("not tried: the connection was lost before", DeliveryRules.ConnectionLost), attempt.LastContact);
        }
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
        && open.Messages < Math.Min(office.Options.MessagesPerConnection, open.Capabilities.MaxMessages ?? int.MaxValue)
        && open.Security.Satisfies(attempt.Demand, attempt.Domain)
        && (attempt.HostToTryFirst is not { } host || host == open.Host.Name);

    private async ValueTask DropAsync(bool politely)
    {
        if (_connection is not { } connection)
        {
            return;
        }

        _connection = null;
        site.Disconnected();
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
