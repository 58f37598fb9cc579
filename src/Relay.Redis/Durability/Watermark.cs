namespace Relay.Redis.Durability;

/// <summary>Whether the store is so full that no new mail is taken. A full store refuses even to remove, so room is kept for settling.</summary>
internal sealed class Watermark
{
    // Of the mark. What strangers send for the routes of accounts leaves the rest to those who send: it comes again by itself. So
    // does test mail, which no quota counts and nobody waits for.
    private const double NearFrom = 0.75;

    private volatile bool _isReached;
    private volatile bool _isNear;

    public bool IsReached
    {
        get => _isReached;
        set => _isReached = value;
    }

    /// <summary>It is near enough that mail of strangers and of test keys is taken no more; as long as it is reached, too.</summary>
    public bool IsNear => _isNear;

    public void Look(long used, long mark) => _isNear = mark > 0 && used >= mark * NearFrom;
}
