using Relay.Delivery.Scheduling;
using Relay.Mail.Queue;
using Relay.Mail.Sites;

namespace Relay.Delivery.Providers;

/// <summary>
/// What shares limits and patience: all sites of one large receiver, or a site by itself. What it answers decides how many
/// places for connections there are, and whether it is left alone as a whole.
/// </summary>
internal sealed class Provider : IShared, IDisposable
{
    private readonly TimeProvider _time;
    private readonly Allowance _allowance;
    private readonly Tally _tally = new();
    private readonly HashSet<Standing> _standings = [];

    public Provider(string name, bool isShared, Ceilings ceilings, NodeShares shares, TimeProvider time, Func<int, TimeSpan> restAfter)
    {
        (_time, Name, Title, IsShared) = (time, name, name, isShared);
        _allowance = new Allowance(ceilings, shares, time, restAfter);
        Places = new Places(isShared, _allowance, time, () => shares.Ask(this));
        Stock = isShared ? new Stock() : null;
    }

    public string Name { get; }

    /// <summary>Its name for people.</summary>
    public string Title { get; init; }

    /// <summary>A rule makes one provider of several sites.</summary>
    public bool IsShared { get; }

    public Places Places { get; }

    /// <summary>Guards what it and its sites hold.</summary>
    public Lock Lock => Places.Lock;

    /// <summary>What is held for all its sites together; null where it is one site.</summary>
    public Stock? Stock { get; }

    public Ceilings Ceilings => _allowance.Ceilings;

    /// <summary>Left alone until then; the past when it is not.</summary>
    public DateTimeOffset RestUntil => _allowance.Patience.RestUntil;

    /// <summary>It was left alone, and has not answered since.</summary>
    public bool IsProbing => _allowance.Patience.IsProbing;

    /// <summary>Why nothing is tried now; null when it may be.</summary>
    public Excuse? Excuse => _allowance.Patience.Excuse;

    /// <summary>Couriers with a warm connection and nothing to do.</summary>
    public int IdleCountHoldingLock => Places.Idle;

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

    /// <summary>Hands over what waits at its sites and has not begun.</summary>
    public List<HeldLease> TakeBack()
    {
        Site[] sites;
        lock (Lock)
        {
            sites = [.. Places.Sites];
        }

        return [.. sites.SelectMany(site => site.TakeBack(_ => true))];
    }

    /// <summary>Warm connections that nobody uses are closed.</summary>
    public void SendIdleHome()
    {
        var after = default(Errands);
        lock (Lock)
        {
            Places.SendIdleHome(ref after);
        }

        after.Run();
    }

    /// <summary>The rules have changed.</summary>
    public void Set(Ceilings ceilings)
    {
        var after = default(Errands);
        lock (Lock)
        {
            _allowance.Ceilings = ceilings;
            Places.GiveOut(ref after);
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
            var now = _time.GetUtcNow();
            wasProbing = _allowance.Patience.Answered(wasTaken, now);
            _tally.Message(now);
            _allowance.Tuner.Answered(Places.Connected, Places.IsHungry, Ceilings.Connections, took, now);
            Places.GiveOut(ref after);
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
    /// <param name="words">As they were said, for whoever runs the relay.</param>
    /// <param name="forOthers">What all may know of them who have mail for it.</param>
    /// <param name="wait">How long it wants to be left alone; null where it did not say.</param>
    public IReadOnlyList<Standing>? Refused(string words, string forOthers, TimeSpan? wait)
    {
        lock (Lock)
        {
            var now = _time.GetUtcNow();
            if (now < RestUntil || (!_allowance.Tuner.Refused(Places.Connected, Places.Couriers, words, now) && wait is null))
            {
                return null;
            }

            _allowance.Patience.BeginRest(words, forOthers, wait, now);
            Places.LookAgainAt(RestUntil);
            return [.. _standings];
        }
    }

    /// <summary>What this node wants of the connections that all nodes share; null where it needs none and has none.</summary>
    public ShareWish? Wish()
    {
        lock (Lock)
        {
            var busy = Places.Couriers - Places.Idle;
            return _allowance.Wish(busy + Places.Waiting, Places.Couriers);
        }
    }

    /// <summary>What it got of them.</summary>
    public void Take(ConnectionShare share)
    {
        var after = default(Errands);
        lock (Lock)
        {
            _allowance.Take(share, isWanted: Places.Waiting > 0);
            Places.Adjust(ref after);
        }

        after.Run();
    }

    /// <summary>Nodes have come or gone, or a share has run out: what this one may have is more or less without a word.</summary>
    public void LookAgain()
    {
        var after = default(Errands);
        lock (Lock)
        {
            Places.Adjust(ref after);
        }

        after.Run();
    }

    /// <summary>For people.</summary>
    public SiteStatus? Describe(string node)
    {
        lock (Lock)
        {
            var now = _time.GetUtcNow();
            var isResting = now < RestUntil;
            var waiting = Places.Waiting;
            if (Places.Couriers == 0 && waiting == 0 && !isResting && _allowance.Tuner.Trouble is null)
            {
                return null;
            }

            if (!IsShared && _standings.FirstOrDefault()?.OwnRest is not null)
            {
                // It says so itself.
                return null;
            }

            var limit = _allowance.Connections;
            var (why, until) = _allowance.Why(limit);
            return new SiteStatus
            {
                Node = node,
                Name = Title,
                Sites = _standings.Count,
                Connections = Places.Connected,
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

    /// <summary>Somebody knows better: whatever it said before, it is asked again.</summary>
    public void TryAgain()
    {
        var after = default(Errands);
        lock (Lock)
        {
            _allowance.Patience.EndRest();
            _allowance.Tuner.Forget();
            Places.GiveOut(ref after);
        }

        after.Run();
    }

    public void Dispose()
    {
        lock (Lock)
        {
            Places.Dispose();
        }
    }

    /// <summary>A message may leave now; it counts.</summary>
    public bool TryPassHoldingLock() => _allowance.TryPass();

    public void ConnectedHoldingLock()
    {
        Places.Connect();
        _tally.Connection();
    }

    /// <summary>The refused connection of a courier that leaves while others have one.</summary>
    /// <param name="wait">How long it wants no more of them; null where it did not say.</param>
    public void ShrinkHoldingLock(string words, TimeSpan? wait) => _allowance.Tuner.Refused(Places.Connected + 1, Places.Couriers, words, _time.GetUtcNow(), wait);
}
