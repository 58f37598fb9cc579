namespace Relay.Delivery.Providers;

/// <summary>How many in the last minute, by tens of seconds.</summary>
internal sealed class MinuteCount
{
    private const int Parts = 6;
    private static readonly TimeSpan Part = TimeSpan.FromSeconds(10);

    private readonly int[] _counts = new int[Parts];
    private long _last;

    public void Add(DateTimeOffset now)
    {
        MoveTo(now);
        _counts[_last % Parts]++;
    }

    public int Count(DateTimeOffset now)
    {
        MoveTo(now);
        return _counts.Sum();
    }

    private void MoveTo(DateTimeOffset now)
    {
        var part = now.Ticks / Part.Ticks;
        for (var i = Math.Max(_last + 1, part - Parts + 1); i <= part; i++)
        {
            _counts[i % Parts] = 0;
        }

        _last = Math.Max(_last, part);
    }
}
