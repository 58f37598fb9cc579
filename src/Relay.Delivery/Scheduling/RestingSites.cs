namespace Relay.Delivery.Scheduling;

/// <summary>
/// The sites that are left alone. Wakes each when its rest is over, and lets a little of their mail through all the same, site
/// after site: however much waits, what it costs is bounded, and yet each message is told in the end why it waits, and each
/// that has expired that it has.
/// </summary>
internal sealed class RestingSites(DeliveryWindow window, TimeProvider time) : IDisposable
{
    // A few hundredths of a core; a million units pass in three hours, the longest delay between two attempts being four.
    private const int LooksPerSecond = 100;

    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly PriorityQueue<Standing, DateTimeOffset> _ends = new();
    private readonly Queue<Standing> _rotation = new();
    private ITimer? _timer;

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _rotation.Count;
            }
        }
    }

    /// <summary>So many of them at the most: there may be any number.</summary>
    public IReadOnlyList<Standing> Some(int most)
    {
        lock (_lock)
        {
            return [.. _rotation.Take(most)];
        }
    }

    public void Add(Standing standing)
    {
        lock (_lock)
        {
            _ends.Enqueue(standing, standing.RestUntil);
            if (!standing.IsListed)
            {
                standing.IsListed = true;
                _rotation.Enqueue(standing);
            }

            _timer ??= time.CreateTimer(static sites => ((RestingSites)sites!).Look(), this, Tick, Tick);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _timer?.Dispose();
        }
    }

    private void Look()
    {
        var open = new List<Standing>();
        lock (_lock)
        {
            var now = time.GetUtcNow();
            while (_ends.TryPeek(out var rested, out var end) && end <= now)
            {
                _ends.Dequeue();
                open.Add(rested);
            }

            var looks = Math.Min(LooksPerSecond, _rotation.Count);
            for (var i = 0; i < looks; i++)
            {
                var standing = _rotation.Dequeue();
                standing.IsListed = standing.IsResting;
                if (standing.IsListed)
                {
                    standing.AllowLooks(Math.Max(1, LooksPerSecond / looks));
                    _rotation.Enqueue(standing);
                }

                // Also where somebody ended the rest of all sites of a provider by asking for one of them.
                open.Add(standing);
            }

            if (_rotation.Count == 0 && _ends.Count == 0)
            {
                _timer?.Dispose();
                _timer = null;
            }
        }

        foreach (var standing in open)
        {
            window.Open(standing.Stock.Gate);
        }
    }
}
