namespace Relay.Mail.Sites;

/// <summary>
/// Who of the nodes has how many of a receiver's connections. Everybody gets what he can use as long as there is enough, else
/// as much as the others; where there are fewer connections than nodes that want one, they go around. Nobody is given what
/// another one still has: he gives it up at his next renewal, or it runs out.
/// </summary>
/// <param name="Entries">One for each node that has or wants a share, in the order in which they came.</param>
public sealed record ShareTable(IReadOnlyList<ShareEntry> Entries)
{
    public static readonly ShareTable Empty = new([]);

    /// <summary>A share not renewed for so long is over; renewals come several times in it.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(10);

    // A connection that has to go around stays so long with one node: some seconds of mail for one handshake.
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(10);

    /// <summary>The table after this node's renewal, and what it may have from now on.</summary>
    public (ShareTable Table, ConnectionShare Share) Renew(string node, ShareWish wish, DateTimeOffset now)
    {
        var others = Entries.Where(e => e.Node != node && e.Until > now).ToList();
        var former = Entries.FirstOrDefault(e => e.Node == node && e.Until > now);
        if (wish.Demand == 0 && wish.InUse == 0)
        {
            return (new ShareTable(others), new ConnectionShare(0, now + Life));
        }

        var own = (former ?? new ShareEntry(node, 0, 0, now, null, now)) with { Demand = wish.Demand, Until = now + Life };
        var all = new List<ShareEntry>(Entries.Count + 1);
        all.AddRange(Entries.Where(e => e.Node == node || e.Until > now).Select(e => e.Node == node ? own : e));
        if (former is null)
        {
            all.RemoveAll(e => e.Node == node);
            all.Add(own);
        }

        var free = Math.Max(0, wish.Limit - others.Sum(e => e.Slots));
        var allowed = Math.Min(Fair(all, own, wish.Limit, now), free);
        var slots = Math.Max(allowed, wish.InUse);
        var part = PartOf(allowed, others);
        own = own with
        {
            Slots = slots,
            Part = part,
            HeldSince = slots == 0 ? null : own.HeldSince ?? now,

            // Who gives his turn up goes to the end of the line.
            AskedAt = slots == 0 && own.Slots > 0 ? now : own.AskedAt,
        };
        return (new ShareTable([.. all.Select(e => e.Node == node ? own : e)]), new ConnectionShare(allowed, now + Life, part));
    }

    // As its connections are to those of all, as far as the others have let go of it.
    private static double PartOf(int connections, List<ShareEntry> others) => connections == 0
        ? 0
        : Math.Clamp(1 - others.Sum(e => e.Part), 0, (double)connections / (connections + others.Sum(e => e.Slots)));

    private static int Fair(List<ShareEntry> all, ShareEntry own, int limit, DateTimeOffset now)
    {
        var wanting = all.Where(e => e.Demand > 0).ToList();
        if (own.Demand == 0)
        {
            return 0;
        }

        return limit < wanting.Count ? (IsInTurn(wanting, own, limit, now) ? 1 : 0) : Level(wanting, own, limit);
    }

    // As much as the others, and what those leave that want less.
    private static int Level(List<ShareEntry> wanting, ShareEntry own, int limit)
    {
        var left = limit;
        var rest = wanting.Count;
        foreach (var entry in wanting.OrderBy(e => e.Demand).ThenBy(e => e.Node, StringComparer.Ordinal))
        {
            var part = Math.Min(entry.Demand, left / rest);
            if (entry.Node == own.Node)
            {
                return part;
            }

            left -= part;
            rest--;
        }

        return 0;
    }

    // Those that have not held theirs for a turn go first, then those that wait, the longest first, then the others.
    private static bool IsInTurn(List<ShareEntry> wanting, ShareEntry own, int limit, DateTimeOffset now) =>
        wanting
            .OrderBy(e => e.HeldSince is { } since ? (now - since < Turn ? 0 : 2) : 1)
            .ThenBy(e => e.HeldSince ?? e.AskedAt)
            .ThenBy(e => e.Node, StringComparer.Ordinal)
            .Take(limit)
            .Any(e => e.Node == own.Node);
}

/// <param name="Slots">Connections it holds.</param>
/// <param name="Demand">Connections it could use.</param>
/// <param name="AskedAt">Since when it waits for its turn.</param>
/// <param name="HeldSince">Since when it has any; null when it has none.</param>
/// <param name="Until">The end of it all, unless it is renewed.</param>
/// <param name="Part">Of what else there is to share.</param>
public sealed record ShareEntry(string Node, int Slots, int Demand, DateTimeOffset AskedAt, DateTimeOffset? HeldSince, DateTimeOffset Until, double Part = 0);
