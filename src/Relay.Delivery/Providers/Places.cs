using Relay.Delivery.Scheduling;
using Relay.Mail.Queue;

namespace Relay.Delivery.Providers;

/// <summary>
/// The places for connections to a receiver: who of its sites has mail and no courier, who has couriers that wait for mail, and
/// whose turn it is, over the accounts that want one. Its lock guards what the provider and all its sites hold, so that a
/// place is never given twice; whoever calls holds it.
/// </summary>
/// <param name="askForMore">It is this node's share that holds up mail.</param>
internal sealed class Places(bool isShared, Allowance allowance, TimeProvider time, Action askForMore) : IDisposable
{
    private readonly TurnQueue<Want> _wanting = new(want => want.Turn);
    private readonly LinkedList<Site> _idle = new();
    private readonly HashSet<Site> _sites = [];
    private int _hungry;
    private Alarm? _alarm;
    private bool _hasAsked;

    public Lock Lock { get; } = new();

    /// <summary>Couriers that have a connection, or are about to get one.</summary>
    public int Couriers { get; private set; }

    public int Connected { get; private set; }

    /// <summary>A site has mail waiting.</summary>
    public bool IsHungry => _hungry > 0;

    public IReadOnlyCollection<Site> Sites => _sites;

    /// <summary>Couriers with a warm connection and nothing to do.</summary>
    public int Idle => _sites.Sum(site => site.ParkedCountHoldingLock);

    /// <summary>Units that wait at the sites.</summary>
    public int Waiting => _sites.Sum(site => site.WaitingHoldingLock);

    /// <summary>A courier without a connection may get itself one.</summary>
    public bool HasOne => Couriers <= allowance.Connections;

    /// <summary>Another courier than the one that asks has a connection, or is about to get one.</summary>
    public bool HasOthers => Couriers > 1;

    public void Opened(Site site) => _sites.Add(site);

    public void Ended(Site site) => _sites.Remove(site);

    /// <summary>A courier of this site had better leave: there are more than may be, or others have waited long enough.</summary>
    // Only open connections count. A courier that is still connecting learns from the receiver whether it is one too many; one that
    // has a connection should not give it up for that.
    public bool AreTooMany(Site site) =>
        allowance.Connections is var limit && (limit == 0 || Connected > limit || (isShared && site.HasHadItsTurn && OthersWant(site)));

    /// <summary>Another site has mail waiting.</summary>
    public bool OthersWant(Site site) => _hungry > (site.WaitingHoldingLock > 0 ? 1 : 0);

    /// <summary>A site has mail for which it has no courier free.</summary>
    public void Want(Site site, Lane lane, ref Errands after)
    {
        if (site.Wants.Add((lane.Account, lane.Class)))
        {
            _wanting.Add(new Want(site, lane with { Domain = site.Plan.Key }));
        }

        GiveOut(ref after);
    }

    /// <summary>One site more has mail waiting, or one less.</summary>
    public void Hungry(int change) => _hungry += change;

    public void Connect() => Connected++;

    public void Disconnect() => Connected--;

    public void Parked(Site site)
    {
        if (site.Idle.List is null)
        {
            _idle.AddLast(site.Idle);
        }
    }

    public void Unparked(Site site)
    {
        if (site.Idle.List is not null)
        {
            _idle.Remove(site.Idle);
        }
    }

    public void Left(ref Errands after)
    {
        Couriers--;
        GiveOut(ref after);
    }

    /// <summary>There may be fewer than there were, or more: so much was heard of what was asked for.</summary>
    public void Adjust(ref Errands after)
    {
        SendSurplusHome(allowance.Connections, ref after);
        GiveOut(ref after);

        // Last, so that GiveOut does not ask again at once for what this very answer did not give.
        _hasAsked = false;
    }

    // One place for each want. A site that needs more wants again with its next unit, or its next answer.
    public void GiveOut(ref Errands after)
    {
        for (var wants = _wanting.Count; wants > 0; wants--)
        {
            if (allowance.Wait is { Ticks: > 0 } wait)
            {
                LookAgainAt(time.GetUtcNow() + wait);
                Ask(allowance.Connections);
                return;
            }

            if (allowance.Connections is var limit && Couriers >= limit)
            {
                if (allowance.Patience.IsResting)
                {
                    // Set anew where it rang early, or the clock was set back meanwhile: nobody else would wake this mail.
                    LookAgainAt(allowance.Patience.RestUntil);
                }

                MakeRoom(limit, ref after);
                Ask(limit);
                return;
            }

            if (_wanting.TryTake(out var want))
            {
                Serve(want, ref after);
            }
        }
    }

    /// <summary>At the end of a rest, or when the rate lets the next one pass.</summary>
    public void LookAgainAt(DateTimeOffset at) => (_alarm ??= new Alarm(time, LookAgain)).Set(at);

    public void Dispose() => _alarm?.Dispose();

    private void Serve(Want want, ref Errands after)
    {
        var (site, lane) = want;
        site.Wants.Remove((lane.Account, lane.Class));
        if (!site.TryServeParkedHoldingLock(ref after) && site.TryHireHoldingLock(ref after))
        {
            Couriers++;
        }

        if (site.WaitingHoldingLock > 0 && site.Wants.Add((lane.Account, lane.Class)))
        {
            _wanting.Add(want);
        }
    }

    // A warm connection that nobody uses gives way to mail that waits for one elsewhere; its place is free when it has left.
    // Wants may be out of date: whose mail has gone by itself wants nothing any more.
    private void MakeRoom(int limit, ref Errands after)
    {
        SendSurplusHome(limit, ref after);
        if (_idle.First?.Value is { } idle && !idle.TryServeParkedHoldingLock(ref after) && OthersWant(idle))
        {
            idle.SendHomeHoldingLock(ref after);
        }
    }

    // As long as there are too many, nobody gets work: the mail of a site would wait beside its own idle couriers.
    private void SendSurplusHome(int limit, ref Errands after)
    {
        while (Connected > limit && _idle.First?.Value is { } idle)
        {
            idle.SendHomeHoldingLock(ref after);
        }
    }

    public void SendIdleHome(ref Errands after)
    {
        while (_idle.First?.Value is { } idle)
        {
            idle.SendHomeHoldingLock(ref after);
        }
    }

    // Only where this node's share is what holds mail up, and mail does wait: a want may be left of mail that has gone. Once until
    // there is an answer: from then on ShareKeeper asks for it at each beat, with all others.
    private void Ask(int limit)
    {
        if (!_hasAsked && allowance.LacksShare(limit) && Waiting > 0)
        {
            _hasAsked = true;
            askForMore();
        }
    }

    private void LookAgain()
    {
        var after = default(Errands);
        lock (Lock)
        {
            _alarm!.Stopped();
            GiveOut(ref after);
        }

        after.Run();
    }
}

/// <summary>A site that wants a place, in the turn of whose mail waits there.</summary>
internal sealed record Want(Site Site, Lane Turn);
