using System.Diagnostics.CodeAnalysis;

namespace Relay.Redis.Queue;

/// <summary>
/// Which share is read next: account after account; within an account mostly of lanes whose mail does leave, or that are new, so
/// that these are not kept waiting by thousands of others that will only be refused. Guarded by the window's lock.
/// </summary>
internal sealed class ReadTurns
{
    // Of so many reads of an account one is of a lane that is not known to flow, while both wait: how else should it be known.
    private const int OthersEvery = 4;

    private readonly Queue<AccountTurns> _order = new();

    public bool IsEmpty => _order.Count == 0;

    public void Add(LaneShare share)
    {
        var account = share.Turn.Account;
        if (account is { Flowing.Count: 0, Others.Count: 0 })
        {
            _order.Enqueue(account);
        }

        (share.Turn.Flows || share.Turn.IsNew ? account.Flowing : account.Others).Enqueue(share);
    }

    public bool TryTake([NotNullWhen(true)] out LaneShare? share)
    {
        share = null;
        if (!_order.TryDequeue(out var account))
        {
            return false;
        }

        var othersFirst = ++account.Reads % OthersEvery == 0;
        var (first, second) = othersFirst ? (account.Others, account.Flowing) : (account.Flowing, account.Others);
        if (!first.TryDequeue(out share))
        {
            share = second.Dequeue();
        }

        if (account is not { Flowing.Count: 0, Others.Count: 0 })
        {
            _order.Enqueue(account);
        }

        return true;
    }
}
