using Relay.Mail.Sites;

namespace Relay.Delivery.Providers;

/// <summary>
/// How much a receiver is given now: of its ceilings this node's part, and of that as many connections as it has been found to
/// take; none while it is left alone. The provider's lock guards it.
/// </summary>
internal sealed class Allowance(Ceilings ceilings, NodeShares shares, TimeProvider time, Func<int, TimeSpan> restAfter)
{
    private readonly NodePart _part = new(shares, time);
    private readonly RateMeter _rate = new();
    private Ceilings _ceilings = ceilings;

    public ConcurrencyTuner Tuner { get; } = new();

    public Patience Patience { get; } = new(time, restAfter);

    /// <summary>Read without the lock too.</summary>
    public Ceilings Ceilings
    {
        get => Volatile.Read(ref _ceilings);
        set => Volatile.Write(ref _ceilings, value);
    }

    /// <summary>Connections and attempts to get one.</summary>
    public int Connections => Patience.IsResting ? 0 : Math.Min(Math.Min(Tuner.Limit, Ceilings.Connections), _part.ConnectionsOf(Ceilings));

    /// <summary>This node's part of the ceiling; null where it is the only one.</summary>
    public int? Share => _part.IsShared ? _part.ConnectionsOf(Ceilings) : null;

    /// <summary>How long until the rate lets the next message pass; zero when it may now.</summary>
    public TimeSpan Wait => Ceilings.Rate is null ? TimeSpan.Zero : Meter.Wait(time.GetUtcNow());

    /// <summary>A message may leave now; it counts.</summary>
    public bool TryPass() => Ceilings.Rate is null || Meter.TryTake(time.GetUtcNow());

    /// <summary>What to ask the other nodes for; null where nothing is needed and nothing was had.</summary>
    /// <param name="demand">Connections it could use.</param>
    /// <param name="inUse">Those it has, or is about to have.</param>
    public ShareWish? Wish(int demand, int inUse) => _part.Wish(Ceilings, Math.Min(Ceilings.Connections, demand), inUse);

    public void Take(ConnectionShare share, bool isWanted) => _part.Take(share, isWanted);

    /// <summary>It is the part of this node that allows no more, and nothing was heard lately of what it asked for.</summary>
    public bool LacksShare(int connections) =>
        connections == _part.ConnectionsOf(Ceilings) && connections < Ceilings.Connections && _part.IsUnanswered;

    /// <summary>Why it is as many connections as it is, and until when.</summary>
    public (string Why, DateTimeOffset? Until) Why(int connections) =>
        Patience.IsResting ? (Patience.Words!, Patience.RestUntil)
        : connections >= Ceilings.Connections ? ("as many as it is ever given", null)
        : connections == _part.ConnectionsOf(Ceilings) ? ("as many as this node's share", null)
        : Tuner.Trouble is { } trouble ? (trouble, Tuner.TriesMoreAt)
        : ("more as it answers and mail waits", null);

    // This node's part of the rate, which changes with its share.
    private RateMeter Meter
    {
        get
        {
            if (_part.RateOf(Ceilings) is var rate && rate != _rate.Rate)
            {
                _rate.Set(rate, time.GetUtcNow());
            }

            return _rate;
        }
    }
}
