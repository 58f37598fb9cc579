using Relay.Delivery.Connections;
using Relay.Delivery.Scheduling;
using Relay.Delivery.TlsPolicies;

namespace Relay.Delivery.Sending;

/// <summary>
/// Carries the units of one site, one after the other, over one connection at a time: takes a unit, sees that there is a
/// connection that fits, runs the transaction, hands the outcome on without waiting for the store, and takes the next. Where the
/// remote takes commands ahead and more work waits, the next one leaves before this one is answered (<see cref="Pipeline"/>), so
/// that a message costs one round trip or less.
/// </summary>
internal sealed class Courier
{
    // How long the answer to a larger message takes says more about the message.
    private const int Telling = 64 * 1024;

    private readonly Site _site;
    private readonly CourierOffice _office;
    private readonly Line _line;
    private readonly Pipeline _pipeline;
    private TaskCompletionSource<HeldLease?>? _wake;
    private ITimer? _patience;

    // What kept this courier alone from connecting, until it has waited for that.
    private OwnLack? _lack;

    public Courier(Site site, CourierOffice office)
    {
        (_site, _office) = (site, office);
        _line = new Line(site, office);
        _pipeline = new Pipeline(site, office, _line);
    }

    public async Task RunAsync()
    {
        using var pipeline = _pipeline;
        var next = await NextAsync();
        while (next is not null && await CarrySafelyAsync(next))
        {
            next = await NextAsync();
        }

        if (_patience is not null)
        {
            await _patience.DisposeAsync();
        }
    }

    // Null when this courier has left its _site.
    private async ValueTask<Carriage?> NextAsync()
    {
        if (await _pipeline.TakeRiderAsync() is { } rider)
        {
            return rider;
        }

        // Nor is anything taken by who could not connect now: those of the site that are connected may carry it.
        if (_line.Connection is null && _office.Pause.IsOn)
        {
            await _office.Pause.WaitAsync();
        }

        if (_lack is { } lack)
        {
            var wait = _office.Pause.WaitAloneAsync(lack);
            (_lack, _site.Standing.Lack) = (null, lack);
            await wait;
            _site.Standing.Lack = null;
        }

        if (_site.TryTake(out var next) || (next = await ParkAsync()) is not null)
        {
            return new Carriage(next);
        }

        // QUIT before leaving: who waits for the site to be empty waits for this too.
        await _line.DropAsync(politely: true);
        return _site.TryLeave(out next) ? null : new Carriage(next);
    }

    // Null when there was nothing to do for as long as a connection is kept warm.
    private async ValueTask<HeldLease?> ParkAsync()
    {
        if (_line.Connection is null || _office.Options.IdleConnection == TimeSpan.Zero)
        {
            return null;
        }

        _line.BeginRest();
        _wake = new TaskCompletionSource<HeldLease?>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_site.TryPark(_wake, out var held))
        {
            _line.IsCounted = false;
            return null;
        }

        if (held is not null)
        {
            return held;
        }

        _line.FreeMemory();
        _patience ??= _office.Time.CreateTimer(static courier => ((Courier)courier!).LosePatience(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _patience.Change(_office.Options.IdleConnection, Timeout.InfiniteTimeSpan);
        held = await _wake.Task;
        _line.IsCounted = held is not null;
        _line.EndRest();
        _patience.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        return held;
    }

    private void LosePatience()
    {
        if (_wake is { } wake && _site.TryUnpark(wake))
        {
            wake.SetResult(null);
        }
    }

    // False when this courier has left its _site.
    private async ValueTask<bool> CarrySafelyAsync(Carriage carriage)
    {
        var held = carriage.Held;
        try
        {
            return await CarryAsync(carriage);
        }
        catch (OperationCanceledException) when (_office.Aborted.IsCancellationRequested)
        {
            // Only looking up a host can end so: nothing was sent since. What earlier transactions came to still holds, and counts
            // as none where that is nothing.
            EndRest(carriage, new Outcome.Deferred("not tried: the relay was stopping", DeliveryRules.TurnOver));
            return true;
        }
        catch (Exception e)
        {
            // A mistake of ours must neither end the courier nor keep the unit for ever; it may pass with the next version.
            _office.Logger.AttemptFailed(held.Lease.Id, e);
            await _line.DropAsync(politely: false);
            EndRest(carriage, new Outcome.Deferred("an error of ours stopped the attempt", DeliveryRules.Internal));
            return true;
        }
    }

    private void EndRest(Carriage carriage, Outcome outcome)
    {
        if (!carriage.Attempt.IsOver)
        {
            carriage.Attempt.EndRest(outcome, default);
        }

        _office.Finish(_site, carriage);
    }

    private async ValueTask<bool> CarryAsync(Carriage carriage)
    {
        var held = carriage.Held;
        if (carriage.Ahead?.Connection != _line.Connection)
        {
            carriage.Ahead = null;
        }

        if (carriage.Ahead is null && !_office.MayBegin(held))
        {
            return true;
        }

        using var trace = DeliveryTrace.Start(held.Lease.Message, default);
        var attempt = carriage.Attempt;
        while (!attempt.IsOver)
        {
            if (_line.Connection is null && _site.Standing.Excuse() is { } excuse)
            {
                attempt.EndRest(excuse.ToOutcome(_office.Time.GetUtcNow()), default);
            }
            else if (carriage.Ahead is null && await _line.OpenAsync(attempt) is { } failed)
            {
                if (failed.Lack is { } lack)
                {
                    if (lack.IsOfAll)
                    {
                        _office.Pause.Begin(lack);
                    }
                    else
                    {
                        _lack = lack;
                    }

                    if (attempt.IsUntouched && !_office.Settlements.IsOverdue(held.Lease))
                    {
                        _office.GiveBack(_site, held);
                        return true;
                    }
                }

                // What only this message demands keeps no other from being carried.
                else if (!failed.IsForMessage && attempt.IsUntouched && _site.TryShrink(held, failed.Words, failed.IsTooMuch, failed.Refusal?.Wait))
                {
                    return false;
                }

                // Who says that it is too much is there: that is heard with the outcome.
                if (failed is { Status: null, IsForMessage: false, Lack: null, IsTooMuch: false })
                {
                    _office.Aftermath.NotReached(_site, failed.Words);
                }

                attempt.Overhear(failed.Dialogue ?? []);
                attempt.EndRest(failed.ToOutcome(), new Contact(failed.Host, failed.Address) { From = failed.From, Policy = TlsTerms.PolicyOf(failed.Source) });
            }
            else
            {
                await SendAsync(carriage, _line.Connection!);
            }
        }

        trace?.SetTag("server.address", attempt.LastContact.Host);
        _office.Finish(_site, carriage);
        return true;
    }

    private async ValueTask SendAsync(Carriage carriage, SmtpConnection connection)
    {
        var attempt = carriage.Attempt;
        if (!await _office.TryFitAsync(connection, attempt))
        {
            attempt.EndRest(new Outcome.Deferred("the content could not be read from the store", DeliveryRules.ContentAway), Contact.With(connection));
            return;
        }

        if (carriage.Ahead is null && await _pipeline.TryFlyAsync(carriage, connection))
        {
            return;
        }

        var transaction = carriage.Ahead ?? _office.NewTransaction(connection, attempt);
        carriage.Ahead = null;
        var end = await transaction.OpenAsync() ?? await transaction.PrepareAsync(_office.Aborted);
        if (end is null)
        {
            var leads = attempt.EndsWith(transaction.Outcomes) && _pipeline.TrySeatNext(connection);
            var began = _office.Time.GetTimestamp();
            try
            {
                end = await transaction.SendAsync(leads);
            }
            catch
            {
                // It has put down what is doubtful now; the mistake itself is told further out.
                attempt.EndBatch(transaction.Outcomes, Contact.With(connection));
                throw;
            }

            attempt.Took = attempt.Lease.Message.Content.Length <= Telling ? _office.Time.GetElapsedTime(began) : null;
        }

        if (transaction.IsByChunk && (end is TransactionEnd.NeverBegan or TransactionEnd.Spoiled) && connection is { IsLost: false, SaidGoodbye: false })
        {
            _office.ChunkingHosts.Fail(connection.Place);
        }

        if (end == TransactionEnd.NeverBegan)
        {
            await _line.DropAsync(politely: false);
            return;
        }

        if (end == TransactionEnd.TurnOver)
        {
            await _line.DropAsync(politely: false);
            attempt.EndTurn();
            return;
        }

        attempt.EndBatch(transaction.Outcomes, Contact.With(connection), goesOn: end == TransactionEnd.Clean);
        transaction.EndDialogue(attempt, _office.Transcripts);
        Learn(transaction, connection);
        if (end == TransactionEnd.Spoiled)
        {
            await _line.DropAsync(politely: false);

            // Whatever ended the connection would end the next one too; what is left waits for its next turn.
            attempt.EndRest(new Outcome.Deferred("not tried: the connection was lost before", DeliveryRules.ConnectionLost), attempt.LastContact);
        }
    }

    private void Learn(Transaction transaction, SmtpConnection connection)
    {
        connection.WasIdle = false;
        if (transaction is { IsByChunk: true, IsDelivered: true })
        {
            _office.ChunkingHosts.Pass(connection.Place);
        }

        if (transaction.IsDelivered)
        {
            connection.MostTaken = Math.Max(connection.MostTaken, transaction.Outcomes.Length);
        }

        connection.FlightSize = transaction.IsDelivered && _office.ChunkingHosts.HasPassed(connection.Place) ? Math.Max(1, connection.FlightSize) : 0;
    }
}
