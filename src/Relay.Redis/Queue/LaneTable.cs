using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>The lanes known here, and their accounts. A lane is known while one of its shares is. Guarded by the window's lock.</summary>
internal sealed class LaneTable
{
    private readonly Dictionary<Lane, LaneTurn> _lanes = [];
    private readonly Dictionary<string, AccountTurns> _accounts = new(StringComparer.Ordinal);
    private readonly Dictionary<Partition, HashSet<LaneShare>> _unread = [];

    public int Count => _lanes.Count;

    public IEnumerable<LaneTurn> All => _lanes.Values;

    public bool Contains(Lane lane) => _lanes.ContainsKey(lane);

    public LaneTurn? Find(Lane name) => _lanes.GetValueOrDefault(name);

    public LaneShare GetShare(Partition partition, Lane name)
    {
        var lane = Get(name);
        if (lane.ShareIn(partition) is { } known)
        {
            return known;
        }

        var share = new LaneShare(partition, lane);
        lane.Add(share);
        if (!_unread.TryGetValue(partition, out var unread))
        {
            _unread[partition] = unread = [];
        }

        unread.Add(share);
        return share;
    }

    /// <summary>The lane's units in this partition have come.</summary>
    public void WasRead(LaneShare share)
    {
        share.IsBlind = false;
        ForgetUnread(share);
    }

    /// <summary>Takes out the partition's shares that were not read since they were made.</summary>
    public IReadOnlyCollection<LaneShare> TakeUnread(Partition partition) =>
        _unread.Remove(partition, out var unread) ? unread : [];

    public void Remove(LaneShare share)
    {
        var lane = share.Turn;
        lane.Remove(share);
        ForgetUnread(share);
        if (lane.Shares.Count == 0 && _lanes.Remove(lane.Lane) && --lane.Account.Lanes == 0)
        {
            _accounts.Remove(lane.Account.Name);
        }
    }

    private void ForgetUnread(LaneShare share)
    {
        if (_unread.TryGetValue(share.Partition, out var unread) && unread.Remove(share) && unread.Count == 0)
        {
            _unread.Remove(share.Partition);
        }
    }

    private LaneTurn Get(Lane name)
    {
        if (!_lanes.TryGetValue(name, out var lane))
        {
            if (!_accounts.TryGetValue(name.Account, out var account))
            {
                _accounts[name.Account] = account = new AccountTurns(name.Account);
            }

            account.Lanes++;
            _lanes[name] = lane = new LaneTurn(name, account);
        }

        return lane;
    }
}
