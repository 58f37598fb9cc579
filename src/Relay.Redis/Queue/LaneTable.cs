using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>The lanes known here, and their accounts. A lane is known while one of its shares is. Guarded by the window's lock.</summary>
internal sealed class LaneTable
{
    private readonly Dictionary<Lane, LaneTurn> _lanes = [];
    private readonly Dictionary<string, AccountTurns> _accounts = new(StringComparer.Ordinal);

    public int Count => _lanes.Count;

    public IEnumerable<LaneTurn> All => _lanes.Values;

    public bool Contains(Lane lane) => _lanes.ContainsKey(lane);

    public LaneTurn? Find(Lane name) => _lanes.GetValueOrDefault(name);

    public LaneTurn Get(Lane name)
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

    public void RemoveIfEmpty(LaneTurn lane)
    {
        if (lane.Shares.Count == 0 && _lanes.Remove(lane.Lane) && --lane.Account.Lanes == 0)
        {
            _accounts.Remove(lane.Account.Name);
        }
    }
}
