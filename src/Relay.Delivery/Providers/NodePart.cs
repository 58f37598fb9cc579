using Relay.Mail.Sites;

namespace Relay.Delivery.Providers;

/// <summary>What this node may have of what one receiver takes from all of them; everything where it is the only one. The provider's lock guards it.</summary>
internal sealed class NodePart(NodeShares shares, TimeProvider time)
{
    // Of a rate, while others have all of it: nothing to speak of, and yet not a wait without end.
    private const double LeastOfRate = 0.001;

    private ConnectionShare _share;
    private bool _isListed;

    public bool IsShared => shares.AreNeeded;

    /// <summary>Nothing was heard lately of what it asked for.</summary>
    public bool IsUnanswered => _share.Until <= time.GetUtcNow();

    /// <summary>Of what is asked for, from 0 to 1.</summary>
    public double Part => IsUnanswered ? 0 : _share.Part;

    public int ConnectionsOf(Ceilings ceilings) =>
        !shares.AreNeeded ? int.MaxValue : shares.FreeOf(ceilings) + (IsUnanswered ? 0 : _share.Connections);

    public Rate? RateOf(Ceilings ceilings) =>
        ceilings.Rate is { } all && shares.AreNeeded ? all with { Time = all.Time / Math.Max(_share.Part, LeastOfRate) } : ceilings.Rate;

    /// <summary>What to ask for; null where it needs nothing and has nothing.</summary>
    /// <param name="demand">Connections it could use.</param>
    /// <param name="inUse">Those it has, or is about to have.</param>
    public ShareWish? Wish(Ceilings ceilings, int demand, int inUse)
    {
        var free = shares.FreeOf(ceilings);
        var wish = new ShareWish(shares.SharedOf(ceilings), Math.Max(0, demand - free), Math.Max(0, inUse - free));

        // One that wants nothing more says so once: what it had is then the others' at once, and not when it runs out.
        var wasListed = _isListed;
        _isListed = wish is not { Demand: 0, InUse: 0 };
        return _isListed || wasListed ? wish : null;
    }

    // One that was given back is as if it had never been: the next mail asks at once.
    public void Take(ConnectionShare share, bool isWanted) => _share = share.Connections == 0 && !isWanted ? default : share;
}
