using System.Numerics;

namespace Relay.Redis.Queue;

/// <summary>
/// Finds one of the largest without looking at the others: members are kept by the power of two of their size, so the largest
/// found is at least half as large as any.
/// </summary>
internal sealed class Ranks<T>
    where T : class
{
    private readonly LinkedList<T>?[] _ranks = new LinkedList<T>?[32];

    /// <summary>Its size has changed; without any it is no member.</summary>
    public void Set(Rank<T> member, int size)
    {
        var rank = size == 0 ? -1 : BitOperations.Log2((uint)size);
        if (rank == member.Power)
        {
            return;
        }

        member.Place.List?.Remove(member.Place);
        member.Power = rank;
        if (rank >= 0)
        {
            (_ranks[rank] ??= []).AddLast(member.Place);
        }
    }

    /// <summary>One of the largest: of those that are alike each in its turn.</summary>
    public T? Largest() => Largest(static _ => true, 1);

    /// <summary>One of the largest that pass, where one is among so many of each size that are looked at.</summary>
    public T? Largest(Func<T, bool> passes, int looks)
    {
        for (var rank = _ranks.Length - 1; rank >= 0; rank--)
        {
            var members = _ranks[rank];
            for (var look = Math.Min(looks, members?.Count ?? 0); look > 0; look--)
            {
                var first = members!.First!;
                members.Remove(first);
                members.AddLast(first);
                if (passes(first.Value))
                {
                    return first.Value;
                }
            }
        }

        return null;
    }
}

/// <summary>A member's place in one <see cref="Ranks{T}"/>, which alone changes it.</summary>
internal sealed class Rank<T>(T member)
    where T : class
{
    public LinkedListNode<T> Place { get; } = new(member);

    public int Power { get; set; } = -1;
}
