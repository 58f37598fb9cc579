using Relay.Delivery.Connections;
using Relay.Delivery.Providers;
using Relay.Delivery.Routing;
using Relay.Mail.Sites;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// How a site has answered lately, remembered longer than the site itself lives. One that cannot be reached is left alone as
/// a whole: its mail waits in the queue at no cost, and after each rest one unit tries whether it is back. One that has not
/// answered yet gets no more than it has connections, so that many that never will hold little. When its provider is left
/// alone, so is each of its sites.
/// </summary>
internal sealed class Standing(RoutePlan plan, Provider provider, TimeProvider time, Func<int, TimeSpan> restAfter)
{
    // As many as open the breaker of a host: fewer may be chance.
    private const int FailuresToRest = 5;

    // A site that had nothing to do for a while is no stranger for that.
    private static readonly TimeSpan GoodFor = TimeSpan.FromMinutes(10);

    private readonly Lock _lock = new();
    private int _failures;
    private int _rests;
    private int _looks;
    private DateTimeOffset _restUntil;
    private DateTimeOffset _goodUntil;
    private string _words = "";

    public RoutePlan Plan { get; } = plan;

    public Provider Provider { get; } = provider;

    public Stock Stock { get; } = new(provider.Stock);

    /// <summary>In the rotation of <see cref="RestingSites"/>, which alone sets it.</summary>
    public bool IsListed { get; set; }

    /// <summary>What this machine lacks for a connection to it alone, while a courier waits for that; null where none does.</summary>
    public OwnLack? Lack { get; set; }

    public DateTimeOffset RestUntil
    {
        get
        {
            lock (_lock)
            {
                return UntilHoldingLock;
            }
        }
    }

    /// <summary>It took a connection lately.</summary>
    public bool IsGood
    {
        get
        {
            lock (_lock)
            {
                return !IsProbingHoldingLock && time.GetUtcNow() < _goodUntil;
            }
        }
    }

    public bool IsResting => time.GetUtcNow() < RestUntil;

    /// <summary>Nothing would be lost with it.</summary>
    public bool IsForgettable => Stock.Units == 0 && !IsListed && !IsGood && !IsResting;

    /// <summary>How many units it may hold now.</summary>
    public int Most(int stranger, int known)
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            if (now < UntilHoldingLock)
            {
                return _looks-- > 0 ? known : 0;
            }

            return IsProbingHoldingLock ? 1 : now < _goodUntil ? known : stranger;
        }
    }

    /// <summary>While it rests: one more may come all the same. Nothing is counted because of it.</summary>
    public bool MayBeLookedAt
    {
        get
        {
            lock (_lock)
            {
                return _looks > 0;
            }
        }
    }

    /// <summary>While it rests, so many units may come all the same: to be told why they wait, or that they have expired.</summary>
    public void AllowLooks(int count)
    {
        lock (_lock)
        {
            _looks = count;
        }
    }

    /// <summary>Somebody knows better: the rest is over, and one unit tries.</summary>
    public void TryAgain()
    {
        lock (_lock)
        {
            _restUntil = default;
        }

        Provider.TryAgain();
    }

    /// <summary>A connection was made. True when more may come than before.</summary>
    public bool Connected()
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            var wasGood = _rests == 0 && now < _goodUntil;
            _failures = 0;
            _rests = 0;
            _restUntil = default;
            _goodUntil = now + GoodFor;
            return !wasGood;
        }
    }

    /// <summary>No connection could be made. True when a rest begins with it.</summary>
    public bool Failed(string words)
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            if (now < _restUntil || (++_failures < FailuresToRest && _rests == 0))
            {
                return false;
            }

            _words = words;
            _looks = 0;
            _restUntil = now + restAfter(++_rests);
            return true;
        }
    }

    /// <summary>Why a unit is not tried now; null when it may be.</summary>
    public Excuse? Excuse() => OwnRest is { } rest
        ? new Excuse($"left alone until {rest.Until:HH:mm:ss} UTC since nothing connects: {rest.Words}", DeliveryRules.Unreachable, rest.Until)
        : Provider.Excuse;

    /// <summary>Why nothing connects, and until when it is left alone for that; null when it is not.</summary>
    public (string Words, DateTimeOffset Until)? OwnRest
    {
        get
        {
            lock (_lock)
            {
                return time.GetUtcNow() < _restUntil ? (_words, _restUntil) : null;
            }
        }
    }

    /// <summary>The same for people; null when it is not left alone for its own sake.</summary>
    public SiteStatus? Describe(string node) => OwnRest is not { } rest ? null : new SiteStatus
    {
        Node = node,
        Name = Plan.Title,
        Sites = 1,
        Connections = 0,
        Limit = 0,
        Ceiling = Provider.Ceilings.Connections,
        Waiting = 0,
        Why = rest.Words,
        Until = rest.Until,
        IsResting = true,
        PerMinute = 0,
    };

    private DateTimeOffset UntilHoldingLock => _restUntil > Provider.RestUntil ? _restUntil : Provider.RestUntil;

    private bool IsProbingHoldingLock => _rests > 0 || Provider.IsProbing;
}
