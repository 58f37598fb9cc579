using System.Threading.Channels;
using Relay.Mail.Sites;

namespace Relay.Delivery.Providers;

/// <summary>
/// How what receivers take is parted among nodes. Where there are enough connections, one is each node's without asking, so
/// that a message for a small host never waits for the store; the rest is asked for, by <see cref="ShareKeeper"/>. A rate is
/// parted as the connections are, and then all of them are asked for: whoever has none sends nothing.
/// </summary>
internal sealed class NodeShares(ISiteBoard board)
{
    private readonly Channel<IShared> _asking = Channel.CreateUnbounded<IShared>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>That deliver, with this one.</summary>
    public int Nodes => board.Nodes;

    public bool AreNeeded => board.Nodes > 1;

    /// <summary>Those whose mail waits for a share.</summary>
    public ChannelReader<IShared> Asking => _asking.Reader;

    /// <summary>Connections that this node has without asking.</summary>
    public int FreeOf(Ceilings ceilings) => AreNeeded && ceilings.Rate is null && ceilings.Connections >= 2 * board.Nodes ? 1 : 0;

    /// <summary>Connections that have to be asked for.</summary>
    public int SharedOf(Ceilings ceilings) => ceilings.Connections - (FreeOf(ceilings) * board.Nodes);

    /// <summary>
    /// Asks anew for what is needed of it, and lets it use what it has by now. May throw
    /// <see cref="Mail.Queue.StoreUnavailableException"/>: then what was given before holds until its end.
    /// </summary>
    public async ValueTask RenewAsync(IShared shared, CancellationToken cancellation)
    {
        if (AreNeeded && shared.Wish() is { } wish)
        {
            shared.Take(await board.RenewAsync(shared.Name, wish, cancellation));
        }
        else
        {
            shared.LookAgain();
        }
    }

    /// <summary>Mail waits for a share: it is not to wait for the next beat too.</summary>
    public void Ask(IShared shared) => _asking.Writer.TryWrite(shared);
}
