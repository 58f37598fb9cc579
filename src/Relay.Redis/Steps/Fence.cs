using System.Globalization;
using StackExchange.Redis;

namespace Relay.Redis.Steps;

/// <summary>The number of a partition's last step; a take-over raises the epoch, so that the steps of the old owner fail.</summary>
internal readonly record struct Fence(long Epoch, long Sequence)
{
    // Small enough that no number of owners comes to an end of what JSON's readers keep exact.
    private const int Leap = 1 << 20;

    public Fence Next => this with { Sequence = Sequence + 1 };

    /// <summary>
    /// Before the first step of the next owner. By how much it is later is chance: a failover may forget who was the next, and he
    /// would go on behind the fence of whoever is made the next then, as if it were his.
    /// </summary>
    public Fence NextEpoch(Random random) => new(Epoch + 1 + random.Next(Leap), 0);

    /// <summary>The step is only carried out where this is the number that stands there; then the next one does.</summary>
    public void AddTo(ITransaction step, RedisKey key)
    {
        step.AddCondition(Condition.StringEqual(key, ToString()));
        _ = step.StringSetAsync(key, Next.ToString(), null, When.Always, CommandFlags.FireAndForget);
    }

    public bool IsBefore(Fence other) => Epoch < other.Epoch || (Epoch == other.Epoch && Sequence < other.Sequence);

    /// <summary>Nothing stands for the time before the first owner.</summary>
    public static Fence Parse(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return default;
        }

        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return new Fence(
            long.Parse(text.AsSpan(0, colon), CultureInfo.InvariantCulture),
            long.Parse(text.AsSpan(colon + 1), CultureInfo.InvariantCulture));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Epoch}:{Sequence}");
}
