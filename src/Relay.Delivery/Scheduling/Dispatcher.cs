using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Delivery.Connections;
using Relay.Delivery.Hooks;
using Relay.Delivery.Routing;
using Relay.Delivery.Sending;
using Relay.Delivery.Sources;
using Relay.Mail.Crashing;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// Brings each leased unit to its site. Where a domain's way is not known yet, its units wait by themselves until it is:
/// looking it up never holds up another domain.
/// </summary>
internal sealed class Dispatcher(
    IMailQueue queue,
    Router router,
    SiteDirectory sites,
    SourcePools pools,
    InboxDelivery inbox,
    WebhookDelivery webhooks,
    BlockedDomains blocked,
    Simulator simulator,
    SuppressionCheck suppressions,
    FreshSuppressions fresh,
    PersonalCopies copies,
    DeliveryWindow window,
    NodePause pause,
    AccountRates rates,
    Settlements settlements,
    Settler settler,
    IOptions<DeliveryOptions> options,
    TimeProvider time,
    ILogger<Dispatcher> logger)
{
    // Known domains beyond this are forgotten when nothing waits for them: some tens of megabytes where so many have mail. Fewer
    // would be asked anew each time that a little of their waiting mail is looked at.
    private const int MaxKnown = 100_000;

    private static readonly TimeSpan StorePause = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, Destination> _destinations = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Domains of which something is remembered.</summary>
    public int Known => _destinations.Count;

    public void Dispatch(Lease lease)
    {
        var held = new HeldLease(lease) { OwesTurn = IsPutOffUncounted(lease.Unit.Lane) };
        window.Take(held);
        CrashPoints.Pass(CrashPoint.Leased);
        if (_stop.IsCancellationRequested)
        {
            settler.Release(held);
        }
        else if (lease.Unheard is { } unheard)
        {
            window.Move(held, DestinationOf(lease.Unit.Lane.Domain).Stock);
            settler.Settle(held, settlements.Unheard(lease, unheard));
        }
        else if (InboxDelivery.IsFor(lease.Message) && !Simulator.IsFor(lease))
        {
            window.Move(held, DestinationOf(lease.Unit.Lane.Domain).Stock);
            _ = inbox.DeliverAsync(held, _stop.Token);
        }
        else if (WebhookDelivery.IsFor(lease.Message))
        {
            window.Move(held, DestinationOf(lease.Unit.Lane.Domain).Stock);
            _ = webhooks.DeliverAsync(held, _stop.Token);
        }
        else
        {
            window.Move(held, DestinationOf(lease.Unit.Lane.Domain).Stock);
            _ = CheckAsync(held);
        }
    }

    /// <summary>What one more unit of this lane has to wait for; null when there is room for it.</summary>
    public Gate? ClosedGate(Lane lane)
    {
        // What gets no turn is not remembered for that: there may be far more of it than can be under way.
        var known = _destinations.GetValueOrDefault(lane.Domain);
        var destination = known ?? new Destination(lane.Domain);

        // The rate last: what it lets through counts. What only comes to be told why it waits takes no turn of it.
        var closed = destination.Routed is Routed.To(var plan)
            ? sites.ClosedGate(lane.Account, pools.PlanFor(plan, lane))
            : window.ClosedGate(lane.Account, destination.Stock, new Room(options.Value.Window.UnitsPerConnection), isGood: false);
        closed ??= IsPutOffUncounted(lane) ? null : rates.ClosedGate(lane);
        if (closed is null && known is null)
        {
            Remember(destination);
        }

        return closed;
    }

    /// <summary>The same, asked out of curiosity: nothing is leased because of it.</summary>
    public bool HasRoomFor(Lane lane) =>
        !_destinations.TryGetValue(lane.Domain, out var destination) ? window.FitsStranger(lane.Account)
        : destination.Routed is Routed.To(var plan) ? sites.HasRoomFor(lane.Account, pools.PlanFor(plan, lane))
        : window.Fits(lane.Account, destination.Stock, new Room(options.Value.Window.UnitsPerConnection), isGood: false);

    /// <summary>Why the lane's site, or its domain, is left alone; null when it is not.</summary>
    public Excuse? ExcuseFor(Lane lane) =>
        _destinations.TryGetValue(lane.Domain, out var destination) && destination.Routed is Routed.To(var plan) ? ExcuseFor(pools.PlanFor(plan, lane), lane) : null;

    /// <summary>What this machine lacks for mail of the lane to leave; null where it lacks nothing, or the lane's mail needs no connection.</summary>
    public string? LackFor(Lane lane) =>
        !_destinations.TryGetValue(lane.Domain, out var destination) ? null
        : destination.Routed is Routed.To(var plan) ? pause.Words ?? sites.LackFor(pools.PlanFor(plan, lane))?.Waiting ?? destination.Lack?.Waiting
        : destination.IsIdle ? null
        : pause.Words ?? destination.Lack?.Waiting;

    /// <summary>Why the lane's account is held back; null when it is not.</summary>
    public string? RateExcuseFor(Lane lane) => rates.ExcuseFor(lane);

    /// <summary>Gives back untried what passes and waits for a way or a courier.</summary>
    public void GiveBack(Func<Lease, bool> which)
    {
        foreach (var destination in _destinations.Values)
        {
            foreach (var held in destination.TakeBack(which))
            {
                settler.Release(held);
            }
        }

        foreach (var held in sites.TakeBack(which))
        {
            settler.Release(held);
        }
    }

    /// <summary>Forgets the way to a domain, so that the next unit asks for it, and returns it; null when none is known.</summary>
    public Routed? ForgetWay(string domain) => _destinations.TryGetValue(domain, out var destination) ? destination.ForgetWay() : null;

    /// <summary>Gives back what has not begun, and takes no more.</summary>
    public void Stop()
    {
        _stop.Cancel();
        pause.Stop();
        foreach (var held in sites.Stop())
        {
            settler.Release(held);
        }
    }

    private async Task CheckAsync(HeldLease held)
    {
        try
        {
            held.LookedAt = fresh.Now;
            held.Suppressed = await suppressions.LookAsync(held.Lease, _stop.Token);
            held.Lease = await copies.MakeAsync(held.Lease, _stop.Token);
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            // The queue's store is the same one, so it will not lease much meanwhile; what it does must not turn in a circle.
            await Task.Delay(StorePause, time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            settler.Release(held);
            return;
        }

        if (held.Suppressed?.Count == held.Lease.Open.Count)
        {
            LeaveOut(held);
        }
        else if (_stop.IsCancellationRequested)
        {
            settler.Release(held);
        }
        else if (Simulator.IsFor(held.Lease))
        {
            _ = simulator.DeliverAsync(held, _stop.Token);
        }
        else
        {
            Route(DestinationOf(held.Lease.Unit.Lane.Domain), held);
        }
    }

    private void LeaveOut(HeldLease held)
    {
        if (queue.TryBegin(held.Lease))
        {
            settler.Settle(held, new Attempt(held).ToSettlement(settlements));
        }
        else
        {
            settler.Release(held);
        }
    }

    private void Route(Destination destination, HeldLease held)
    {
        if (destination.Take(held, time.GetUtcNow(), out var ask) is { } routed)
        {
            Assign(held, routed);
        }
        else if (ask)
        {
            _ = AskAsync(destination);
        }
    }

    private async Task AskAsync(Destination destination)
    {
        Routed routed;
        try
        {
            while ((routed = await router.RouteAsync(destination.Domain, _stop.Token)) is Routed.Unknown { Lack: { } lack } unknown)
            {
                await WaitAsync(destination, lack);
                _stop.Token.ThrowIfCancellationRequested();

                // Whose time is over does not wait any longer for us.
                foreach (var held in destination.TakeBack(settlements.IsOverdue))
                {
                    PutOff(held, new Excuse(unknown.Words, unknown.Rule, unknown.Until));
                }
            }
        }
        catch (OperationCanceledException)
        {
            foreach (var held in destination.Release())
            {
                settler.Release(held);
            }

            return;
        }
        catch (Exception e)
        {
            // A mistake of ours must not keep a domain's mail for ever.
            logger.RoutingFailed(destination.Domain, e);
            routed = new Routed.Unknown("an error of ours stopped the look-up", DeliveryRules.Internal) { Until = time.GetUtcNow() };
        }

        foreach (var held in destination.Learn(routed))
        {
            Assign(held, routed);
        }
    }

    private async Task WaitAsync(Destination destination, OwnLack lack)
    {
        if (lack.IsOfAll)
        {
            pause.Begin(lack);
            await pause.WaitAsync();
            return;
        }

        // Shown only once it is waited for: whoever reads it and lets the time pass ends the wait.
        var wait = pause.WaitAloneAsync(lack);
        destination.Lack = lack;
        await wait;
        destination.Lack = null;
    }

    private void Assign(HeldLease held, Routed routed)
    {
        // The look-up may have taken long: what was suspended meanwhile is neither bounced nor put off by its result.
        if (routed is not Routed.To && !queue.TryBegin(held.Lease))
        {
            settler.Release(held);
            return;
        }

        switch (routed)
        {
            case Routed.To(var way):
                var plan = pools.PlanFor(way, held.Lease.Unit.Lane);
                if (ExcuseFor(plan, held.Lease.Unit.Lane) is { } excuse)
                {
                    PutOff(held, excuse);
                }
                else if (held.OwesTurn || !sites.TryAdd(plan, held))
                {
                    // What owes its turn came while its site was left alone, and that is over: it comes again, and takes one.
                    settler.Release(held);
                }

                break;

            case Routed.Nowhere nowhere:
                End(held, new Outcome.Bounced(nowhere.Words, nowhere.Status, nowhere.Rule));
                break;

            case Routed.Unknown unknown:
                End(held, new Outcome.Deferred(unknown.Words, unknown.Rule));
                break;
        }
    }

    private bool IsPutOffUncounted(Lane lane) => rates.RateOf(lane) is not null && ExcuseFor(lane) is not null;

    private Excuse? ExcuseFor(RoutePlan plan, Lane lane) => sites.ExcuseFor(plan) ?? blocked.ExcuseFor(plan.Key, lane.Domain);

    // It is told why it waits, or that it has expired.
    private void PutOff(HeldLease held, Excuse excuse)
    {
        var now = time.GetUtcNow();
        if (RetrySchedule.IsTooLate(held.Lease.Message, now))
        {
            settler.Settle(held, settlements.Expired(held.Lease));
        }
        else if (queue.TryBegin(held.Lease))
        {
            End(held, excuse.ToOutcome(now));
        }
        else
        {
            settler.Release(held);
        }
    }

    private void End(HeldLease held, Outcome outcome)
    {
        var attempt = new Attempt(held);
        attempt.EndRest(outcome, default);
        settler.Settle(held, attempt.ToSettlement(settlements));
    }

    private Destination DestinationOf(string domain) => _destinations.GetValueOrDefault(domain) ?? Remember(new Destination(domain));

    // As it was remembered meanwhile, where it was.
    private Destination Remember(Destination destination)
    {
        if (_destinations.Count >= MaxKnown)
        {
            foreach (var entry in _destinations)
            {
                if (entry.Value.IsIdle)
                {
                    _destinations.TryRemove(entry);
                }
            }
        }

        return _destinations.GetOrAdd(destination.Domain, destination);
    }
}
