using Relay.Delivery.Scheduling;
using Relay.Mail.Queue;
using Relay.Mail.Sites;

namespace Relay.Delivery.Providers;

/// <summary>
/// What shares limits and patience: all sites of one large receiver, or a site by itself. It gives out the places for
/// connections, in turn over the accounts that want one, and leaves the receiver alone as a whole when that says so. What it
/// and its sites hold is guarded by one lock, so that a place is never given twice.
/// </summary>
internal sealed class Provider(string name, bool isShared, Ceilings ceilings, NodeShares shares, TimeProvider time, Func<int, TimeSpan> restAfter) : IShared, IDisposable
{
    private readonly Allowance _allowance = new(ceilings, shares, time, restAfter);
    private readonly Tally _tally = new();
    private readonly TurnQueue<Want> _wanting = new(want => want.Turn);
    private readonly LinkedList<Site> _idle = new();
    private readonly HashSet<Standing> _standings = [];
    private readonly HashSet<Site> _sites = [];
    private int _couriers;
    private int _connected;
    private int _hungry;
    private Alarm? _alarm;

    public Lock Lock { get; } = new();

    public string Name { get; } = name;

    /// <summary>Its name for people.</summary>
    public string Title { get; init; } = name;

    /// <summary>A rule makes one provider of several sites.</summary>
    public bool IsShared { get; } = isShared;

    /// <summary>What is held for all its sites together; null where it is one site.</summary>
    public Stock? Stock { get; } = isShared ? new Stock() : null;

    public Ceilings Ceilings => _allowance.Ceilings;

    /// <summary>Left alone until then; the past when it is not.</summary>
    public DateTimeOffset RestUntil => _allowance.Patience.RestUntil;

    /// <summary>It was left alone, and has not answered since.</summary>
    public bool IsProbing => _allowance.Patience.IsProbing;

    /// <summary>Why nothing is tried now; null when it may be.</summary>
    public Excuse? Excuse => _allowance.Patience.Excuse;

    public bool IsIdleHoldingLock => _couriers == 0 && _standings.Count == 0;

    /// <summary>Connections and attempts to get one that it may have now.</summary>
    public int LimitHoldingLock => _allowance.Connections;

    public void Join(Standing site)
    {
        lock (Lock)
        {
            _standings.Add(site);
        }
    }

    public void Leave(Standing site)
    {
        lock (Lock)
        {
            _standings.Remove(site);
        }
    }

    public void Opened(Site site)
    {
        lock (Lock)
        {
            _sites.Add(site);
        }
    }

    public void EndedHoldingLock(Site site) => _sites.Remove(site);

    /// <summary>Hands over what waits at its sites and has not begun.</summary>
    public List<HeldLease> TakeBack()
    {
        Site[] sites;
        lock (Lock)
        {
            sites = [.. _sites];
        }

        return [.. sites.SelectMany(site => site.TakeBack(_ => true))];
    }

    /// <summary>The rules have changed.</summary>
    public void Set(Ceilings ceilings)
    {
        var after = default(Errands);
        lock (Lock)
        {
            _allowance.Ceilings = ceilings;
            GiveOutHoldingLock(ref after);
        }

        after.Run();
    }

    /// <summary>An attempt was answered, whatever the answer was. True when more may come than before.</summary>
    /// <param name="wasTaken">Somebody's mail was.</param>
    public bool Answered(TimeSpan? took, bool wasTaken)
    {
        var after = default(Errands);
        bool wasProbing;
        lock (Lock)
        {
            var now = time.GetUtcNow();
            wasProbing = _allowance.Patience.Answered(wasTaken, now);
            _tally.Message(now);
            _allowance.Tuner.Answered(_connected, _hungry > 0, Ceilings.Connections, took, now);
            if (_wanting.Count > 0)
            {
                GiveOutHoldingLock(ref after);
            }
        }

        after.Run();
        return wasProbing;
    }

    /// <summary>A domain refuses us for good, for what is thought of us. True when it is the receiver who does.</summary>
    public bool IsRefusedBy(string domain)
    {
        lock (Lock)
        {
            return _allowance.Patience.IsRefusedBy(domain);
        }
    }

    /// <summary>The receiver refuses since it is too much. The sites that rest with it from now on; null when it goes on with less.</summary>
    /// <param name="wait">How long it wants to be left alone; null where it did not say.</param>
    public IReadOnlyList<Standing>? Refused(string words, TimeSpan? wait)
    {
        lock (Lock)
        {
            var now = time.GetUtcNow();
            if (now < RestUntil || (!_allowance.Tuner.Refused(_connected, _couriers, words, now) && wait is null))
            {
                return null;
            }

            _allowance.Patience.BeginRest(words, wait, now);
            WakeHoldingLock(RestUntil);
            return [.. _standings];
        }
    }

    /// <summary>What this node wants of the connections that all nodes share; null where it needs none and has none.</summary>
    public ShareWish? Wish()
    {
        lock (Lock)
        {
            var busy = _couriers - IdleCountHoldingLock;
            return _allowance.Wish(busy + WaitingHoldingLock, _couriers);
        }
    }

    /// <summary>What it got of them.</summary>
    public void Take(ConnectionShare share)
    {
        var after = default(Errands);
        lock (Lock)
        {
            _allowance.Take(share, isWanted: WaitingHoldingLock > 0);
            SendSurplusHomeHoldingLock(LimitHoldingLock, ref after);
            GiveOutHoldingLock(ref after);
        }

        after.Run();
    }

    /// <summary>Nodes have come or gone, or a share has run out: what this one may have is more or less without a word.</summary>
    public void LookAgain()
    {
        var after = default(Errands);
        lock (Lock)
        {
            SendSurplusHomeHoldingLock(LimitHoldingLock, ref after);
            if (_wanting.Count > 0)
            {
                GiveOutHoldingLock(ref after);
            }
        }

        after.Run();
    }

    /// <summary>For people.</summary>
    public SiteStatus? Describe(string node)
    {
        lock (Lock)
        {
            var now = time.GetUtcNow();
            var isResting = now < RestUntil;
            var waiting = WaitingHoldingLock;
            if (_couriers == 0 && waiting == 0 && !isResting && _allowance.Tuner.Trouble is null)
            {
                return null;
            }

            var limit = LimitHoldingLock;
            var (why, until) = _allowance.Why(limit);
            return new SiteStatus
            {
                Node = node,
                Name = Title,
                Sites = _standings.Count,
                Connections = _connected,
                Limit = limit,
                Ceiling = Ceilings.Connections,
                Share = _allowance.Share,
                Waiting = waiting,
                Why = why,
                Until = until,
                IsResting = isResting,
                PerMinute = _tally.PerMinute(now),
                Rate = Ceilings.Rate?.ToString(),
                MessagesPerConnection = _tally.MessagesPerConnection,
            };
        }
    }

    /// <summary>Couriers with a warm connection and nothing to do.</summary>
    public int IdleCountHoldingLock => _sites.Sum(site => site.ParkedCountHoldingLock);

    private int WaitingHoldingLock => _sites.Sum(site => site.WaitingHoldingLock);

    /// <summary>Somebody knows better: whatever it said before, it is asked again.</summary>
    public void TryAgain()
    {
        var after = default(Errands);
        lock (Lock)
        {
            _allowance.Patience.EndRest();
            _allowance.Tuner.Forget();
            GiveOutHoldingLock(ref after);
        }

        after.Run();
    }

    public void Dispose()
    {
        lock (Lock)
        {
            _alarm?.Dispose();
        }
    }

    /// <summary>A message may leave now; it counts.</summary>
    public bool TryPassHoldingLock() => _allowance.TryPass();

    /// <summary>A courier of this site had better leave: there are more than may be, or others have waited long enough.</summary>
    // Whoever is about to connect is not counted: he finds out himself, and one that has a connection should not leave for him.
    public bool IsTooMuchHoldingLock(Site site) =>
        LimitHoldingLock is var limit && (limit == 0 || _connected > limit || (IsShared && site.HasHadItsTurn && OthersWantHoldingLock(site)));

    /// <summary>A courier without a connection may get itself one.</summary>
    public bool HasPlaceHoldingLock => _couriers <= LimitHoldingLock;

    /// <summary>Another of its sites has mail waiting.</summary>
    public bool OthersWantHoldingLock(Site site) => _hungry > (site.WaitingHoldingLock > 0 ? 1 : 0);

    /// <summary>A site has mail for which it has no courier free.</summary>
    public void WantHoldingLock(Site site, Lane lane, ref Errands after)
    {
        if (site.Wants.Add((lane.Account, lane.Class)))
        {
            _wanting.Add(new Want(site, lane with { Domain = site.Plan.Key }));
        }

        GiveOutHoldingLock(ref after);
    }

    public void ParkedHoldingLock(Site site)
    {
        if (site.Idle.List is null)
        {
            _idle.AddLast(site.Idle);
        }
    }

    public void UnparkedHoldingLock(Site site)
    {
        if (site.Idle.List is not null)
        {
            _idle.Remove(site.Idle);
        }
    }

    public void LeftHoldingLock(ref Errands after)
    {
        _couriers--;
        GiveOutHoldingLock(ref after);
    }

    /// <summary>One site more has mail waiting, or one less.</summary>
    public void HungryHoldingLock(int change) => _hungry += change;

    public void ConnectedHoldingLock()
    {
        _connected++;
        _tally.Connection();
    }

    public void DisconnectedHoldingLock() => _connected--;

    /// <summary>The refused connection of a courier that leaves while others have one.</summary>
    public void ShrinkHoldingLock(string words) => _allowance.Tuner.Refused(_connected + 1, _couriers, words, time.GetUtcNow());

    /// <summary>Another courier than the one that asks has a connection, or is about to get one.</summary>
    public bool HasOthersHoldingLock => _couriers > 1;

    // Each want is served once: what a site lacks then it wants again at its next unit or answer.
    private void GiveOutHoldingLock(ref Errands after)
    {
        for (var wants = _wanting.Count; wants > 0; wants--)
        {
            if (_allowance.Wait is { Ticks: > 0 } wait)
            {
                WakeHoldingLock(time.GetUtcNow() + wait);
                AskHoldingLock(LimitHoldingLock);
                return;
            }

            if (LimitHoldingLock is var limit && _couriers >= limit)
            {
                if (_allowance.Patience.IsResting)
                {
                    // Set anew where it rang early, or the clock was set back meanwhile: nobody else would wake this mail.
                    WakeHoldingLock(RestUntil);
                }

                MakeRoomHoldingLock(limit, ref after);
                AskHoldingLock(limit);
                return;
            }

            if (_wanting.TryTake(out var want))
            {
                ServeHoldingLock(want, ref after);
            }
        }
    }

    private void ServeHoldingLock(Want want, ref Errands after)
    {
        var (site, lane) = want;
        site.Wants.Remove((lane.Account, lane.Class));
        if (!site.TryServeParkedHoldingLock(ref after) && site.TryHireHoldingLock(ref after))
        {
            _couriers++;
        }

        if (site.WaitingHoldingLock > 0 && site.Wants.Add((lane.Account, lane.Class)))
        {
            _wanting.Add(want);
        }
    }

    // A warm connection that nobody uses gives way to mail that waits for one elsewhere; its place is free when it has left.
    // Wants may be out of date: whose mail has gone by itself wants nothing any more.
    private void MakeRoomHoldingLock(int limit, ref Errands after)
    {
        SendSurplusHomeHoldingLock(limit, ref after);
        if (_idle.First?.Value is { } idle && !idle.TryServeParkedHoldingLock(ref after) && OthersWantHoldingLock(idle))
        {
            idle.SendHomeHoldingLock(ref after);
        }
    }

    // As long as there are too many, nobody gets work: the mail of a site would wait beside its own idle couriers.
    private void SendSurplusHomeHoldingLock(int limit, ref Errands after)
    {
        while (_connected > limit && _idle.First?.Value is { } idle)
        {
            idle.SendHomeHoldingLock(ref after);
        }
    }

    // Only where it is the share that holds up mail, and not a want that is out of date: that would be asked again at each answer.
    // Once: what waits longer is asked for with the others, again and again.
    private void AskHoldingLock(int limit)
    {
        if (_allowance.LacksShare(limit) && WaitingHoldingLock > 0)
        {
            shares.Ask(this);
        }
    }

    // At the end of a rest, or when the rate lets the next one pass.
    private void WakeHoldingLock(DateTimeOffset at) => (_alarm ??= new Alarm(time, Wake)).Set(at);

    private void Wake()
    {
        var after = default(Errands);
        lock (Lock)
        {
            _alarm!.Stopped();
            GiveOutHoldingLock(ref after);
        }

        after.Run();
    }

    private sealed record Want(Site Site, Lane Turn);
}
