namespace Relay.Mail.Sites;

/// <summary>Where the nodes that deliver share the limits of receivers, and tell how they get on with them.</summary>
public interface ISiteBoard
{
    /// <summary>Nodes that deliver, with this one: where there are several, what a receiver takes has to be shared.</summary>
    int Nodes { get; }

    /// <summary>Nodes that take mail in, with this one: what is counted where mail comes in has to be parted among them.</summary>
    int Doors { get; }

    /// <summary>
    /// Asks for a share of a receiver's connections, or for the share held to go on; with no demand it is given back. May throw
    /// <see cref="Queue.StoreUnavailableException"/>: then what was given before holds until its end.
    /// </summary>
    ValueTask<ConnectionShare> RenewAsync(string provider, ShareWish wish, CancellationToken cancellation);

    /// <summary>Puts up how this node's sites stand, in place of what it put up before.</summary>
    ValueTask PostAsync(IReadOnlyList<SiteStatus> sites, CancellationToken cancellation);

    /// <summary>What the other nodes have put up lately. May throw <see cref="Queue.StoreUnavailableException"/>.</summary>
    ValueTask<IReadOnlyList<SiteStatus>> ReadPeersAsync(CancellationToken cancellation);
}

/// <param name="Limit">To be shared by all nodes.</param>
/// <param name="Demand">Connections this node could use now.</param>
/// <param name="InUse">Those it has: they count until they are closed, whatever is given from now on.</param>
public readonly record struct ShareWish(int Limit, int Demand, int InUse);

/// <param name="Connections">This node may have so many.</param>
/// <param name="Until">Then the share is over, unless it is renewed before.</param>
/// <param name="Part">And so much of whatever else the receiver takes, from 0 to 1: those of all nodes are 1 at the most.</param>
public readonly record struct ConnectionShare(int Connections, DateTimeOffset Until, double Part = 0);
