using System.Collections.Concurrent;

namespace Relay.Intake.Admission;

/// <summary>
/// Remembers what the store said for a short while, and at most so many answers. A change made here is seen here at
/// once; a change made on another node is seen after <paramref name="lifetime"/> at the latest.
/// </summary>
/// <param name="capacity">The weight of all answers together.</param>
internal sealed class ShortCache<TKey, TValue>(TimeProvider time, TimeSpan lifetime, int capacity)
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, Entry> _entries = new();
    private long _version;
    private long _weight;

    /// <summary>Grows with each <see cref="Forget"/>. Read it before asking the store and give it to <see cref="Remember"/>.</summary>
    public long Version => Volatile.Read(ref _version);

    public bool TryGet(TKey key, out TValue value)
    {
        var found = _entries.TryGetValue(key, out var entry) && time.GetElapsedTime(entry.Since) < lifetime;
        value = found ? entry.Value : default!;
        return found;
    }

    /// <summary>Keeps an answer, unless something was forgotten since the store was asked: the answer may be older than that change.</summary>
    /// <param name="weight">What it takes of the capacity.</param>
    public void Remember(TKey key, TValue value, long version, int weight = 1)
    {
        // Starting anew is cheap at this size, and no order of use need be kept on the way of every message. What was replaced or
        // forgotten still counts, so that it comes early rather than late.
        if (Interlocked.Add(ref _weight, weight) > capacity)
        {
            Interlocked.Exchange(ref _weight, weight);
            _entries.Clear();
        }

        var entry = new Entry(value, time.GetTimestamp());
        _entries[key] = entry;
        if (version != Version)
        {
            _entries.TryRemove(KeyValuePair.Create(key, entry));
        }
    }

    public void Forget(TKey key)
    {
        Interlocked.Increment(ref _version);
        _entries.TryRemove(key, out _);
    }

    /// <summary>Anything may have changed.</summary>
    public void Clear()
    {
        Interlocked.Increment(ref _version);
        _entries.Clear();
    }

    private readonly record struct Entry(TValue Value, long Since);
}
