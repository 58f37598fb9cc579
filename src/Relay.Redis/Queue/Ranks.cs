using System.Numerics;

namespace Relay.Redis.Queue;

/// <summary>
/// Finds one of the largest without looking at the others: members are kept by the power of two of their size, so the largest
/// found is at least half as large as any.
/// </summary>
internal sealed class Ranks<T>
    where T : class, IRanked<T>
{
    private readonly LinkedList<T>?[] _ranks = new LinkedList<T>?[32];

    /// <summary>Its size has changed; without any it is no member.</summary>
    public void Set(T member, int size)
    {
        var rank = size == 0 ? -1 : BitOperations.Log2((uint)size);
        if (rank == member.Rank)
        {
            return;
        }

        member.RankPlace.List?.Remove(member.RankPlace);
        member.Rank = rank;
        if (rank >= 0)
        {
            (_ranks[rank] ??= []).AddLast(member.RankPlace);
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

/// <summary>A member of <see cref="Ranks{T}"/>, which alone sets these.</summary>
internal interface IRanked<T>
    where T : class, IRanked<T>
{
    LinkedListNode<T> RankPlace { get; }
    int Rank { get; set; }
}
