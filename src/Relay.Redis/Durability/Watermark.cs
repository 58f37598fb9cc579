namespace Relay.Redis.Durability;

/// <summary>Whether the store is so full that no new mail is taken. A full store refuses even to remove, so room is kept for settling.</summary>
internal sealed class Watermark
{
    private volatile bool _isReached;

    public bool IsReached
    {
        get => _isReached;
        set => _isReached = value;
    }
}
