namespace Relay.Redis.Queue;

/// <summary>
/// How much waits in the window, and for whom there is still room: bounded in units and in octets, and no account more than its
/// share, but for one unit of each lane. A lane with little in hand gets in all the same, at the cost of a longer one: else it
/// would wait behind strangers, or behind its own account's mail to a host that is dead. Guarded by the window's lock.
/// </summary>
internal sealed class WindowRoom(int maxUnits, long maxOctets, double accountShare)
{
    // Of lanes alike in length so many are looked at for one that waits behind a gate anyway.
    private const int LooksForHeldBack = 8;

    private readonly Ranks<AccountTurns> _accounts = new();

    public int Units { get; private set; }

    public long Octets { get; private set; }

    public int FreeUnits => maxUnits - Units;

    public void Add(HeldUnit held) => Count(held, 1);

    public void Remove(HeldUnit held) => Count(held, -1);

    public bool IsFull(int octets) => Units >= maxUnits || Octets + octets > maxOctets;

    /// <summary>Whether one more unit fits without anybody giving way.</summary>
    public bool Fits(LaneTurn lane, int octets) =>
        !IsFull(octets) && (lane.Waiting == 0 || IsWithinShare(lane.Account, octets));

    /// <summary>The lane that should give way to this one; null when none should.</summary>
    /// <param name="isShort">It has too little in hand to go on without a pause.</param>
    public LaneTurn? GivingWayTo(LaneTurn lane, int octets, bool isShort)
    {
        if (lane.IsHeldBack)
        {
            return null;
        }

        // Else the account alone has too much.
        if (isShort && IsFull(octets) && _accounts.Largest() is { } largest && largest != lane.Account
            && largest.WaitingUnits > lane.Account.WaitingUnits + 1)
        {
            return largest.ByLength.Largest();
        }

        // Who cannot use it now gives way to all that can. Others only to who has little, or they would take it from each other
        // for ever.
        var account = lane.Account;
        return isShort && account.ByLength.Largest() is { Waiting: > 1 } longest && longest.Waiting > 2 * lane.Waiting
            ? longest
            : account.ByLength.Largest(static other => other.IsHeldBack, LooksForHeldBack);
    }

    private bool IsWithinShare(AccountTurns account, int octets) =>
        account.WaitingUnits < maxUnits * accountShare && account.WaitingOctets + octets <= maxOctets * accountShare;

    private void Count(HeldUnit held, int sign)
    {
        var lane = held.Lane;
        var account = lane.Account;
        Units += sign;
        Octets += sign * held.Octets;
        account.WaitingUnits += sign;
        account.WaitingOctets += sign * held.Octets;
        account.ByLength.Set(lane.Length, lane.Waiting);
        _accounts.Set(account.Fill, account.WaitingUnits);
    }
}
