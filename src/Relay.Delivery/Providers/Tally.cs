namespace Relay.Delivery.Providers;

/// <summary>What a receiver was given, for people. The provider's lock guards it.</summary>
internal sealed class Tally
{
    private readonly MinuteCount _lastMinute = new();
    private long _messages;
    private long _connections;

    public double? MessagesPerConnection => _connections == 0 ? null : Math.Round((double)_messages / _connections, 1);

    public int PerMinute(DateTimeOffset now) => _lastMinute.Count(now);

    public void Message(DateTimeOffset now)
    {
        _messages++;
        _lastMinute.Add(now);
    }

    public void Connection() => _connections++;
}
