using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>The lanes known here, and their accounts. A lane is known while one of its shares is. Guarded by the window's lock.</summary>
/// <param name="places">Lanes that may be known.</param>
internal sealed class LaneTable(int places)
{
    // A lane has a share in each partition that has mail of it, which takes a fifth of the memory that the lane itself does. With
    // few lanes known these may be all the partitions that there are.
    private const int SharesPerPlace = 4;

    private readonly Dictionary<Lane, LaneTurn> _lanes = [];
    private readonly Dictionary<string, AccountTurns> _accounts = new(StringComparer.Ordinal);
    private readonly Dictionary<Partition, HashSet<LaneShare>> _unread = [];

    public int Count => _lanes.Count;

    /// <summary>Of all lanes together.</summary>
    public int Shares { get; private set; }

    public bool IsFull => IsFilledTo(1);

    /// <summary>What can be forgotten should be.</summary>
    public bool IsCrowded => IsFilledTo(0.5);

    public IEnumerable<LaneTurn> All => _lanes.Values;

    public LaneShare? Find(Partition partition, Lane name) => _lanes.GetValueOrDefault(name)?.ShareIn(partition);

    /// <summary>How many lanes of an account are known.</summary>
    public int CountOf(string account) => _accounts.GetValueOrDefault(account)?.Lanes ?? 0;

    public LaneShare GetShare(Partition partition, Lane name)
    {
        var lane = Get(name);
        if (lane.ShareIn(partition) is { } known)
        {
            return known;
        }

        var share = new LaneShare(partition, lane);
        lane.Add(share);
        Shares++;
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
        if (!lane.Remove(share))
        {
            return;
        }

        Shares--;
        ForgetUnread(share);
        if (lane.Shares.Count == 0 && _lanes.Remove(lane.Lane) && --lane.Account.Lanes == 0)
        {
            _accounts.Remove(lane.Account.Name);
        }
    }

    private bool IsFilledTo(double part) => _lanes.Count >= places * part || Shares >= places * part * SharesPerPlace;

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
            name = name with { Account = account.Name };
            _lanes[name] = lane = new LaneTurn(name, account);
        }

        return lane;
    }
}
