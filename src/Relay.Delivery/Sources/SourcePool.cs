using System.Net;
using System.Net.Sockets;

namespace Relay.Delivery.Sources;

/// <summary>
/// Some of our addresses. A site sees always the same one of a family, as its view of us hangs on it, and more sites the one
/// with more weight; an address that is new has a part of all connections instead, day by day a larger one.
/// </summary>
internal sealed class SourcePool(string name, IReadOnlyList<SourceAddress> addresses)
{
    public string Name { get; } = name;

    public bool Contains(IPAddress address) => addresses.Any(a => a.Address.Equals(address));

    /// <summary>Null when the pool has no address of the family for use today.</summary>
    /// <param name="isUnwanted">The other end refuses this one: any other is better.</param>
    /// <param name="lot">From 0 to 1, for each connection anew.</param>
    public SourceAddress? Choose(string site, AddressFamily family, Func<IPAddress, bool> isUnwanted, DateOnly today, double lot)
    {
        var all = addresses.Where(a => a.Address.AddressFamily == family && a.PercentOn(today) != 0).ToList();
        if (all.Exists(a => !isUnwanted(a.Address)))
        {
            all.RemoveAll(a => isUnwanted(a.Address));
        }

        var known = all.Where(a => a.PercentOn(today) is null).ToList();
        var percent = lot * 100;
        foreach (var strange in all.Where(a => a.PercentOn(today) is not null))
        {
            if ((percent -= strange.PercentOn(today)!.Value) < 0)
            {
                return strange;
            }
        }

        // Where all are new they share as they come; there is nobody else to take the rest.
        return known.Count > 0
            ? known.MaxBy(a => a.ScoreFor(site))
            : all.MaxBy(a => a.PercentOn(today));
    }
}

/// <param name="HostName">Its name in EHLO; null is the relay's.</param>
internal sealed record SourceAddress(IPAddress Address, string? HostName = null, int Weight = 1)
{
    public DateOnly? WarmUpFrom { get; init; }

    public IReadOnlyList<int> WarmUp { get; init; } = [];

    /// <summary>Its part of all connections on that day, 0 before its first; null once it is known.</summary>
    public int? PercentOn(DateOnly day) => WarmUpFrom is not { } from ? null
        : day < from ? 0
        : day.DayNumber - from.DayNumber is var age && age < WarmUp.Count ? WarmUp[age]
        : null;

    /// <summary>The highest one serves the site. One address more takes over only those sites that it serves itself.</summary>
    public double ScoreFor(string site) => -Weight / Math.Log((StableHash($"{site} {Address}") + 1.0) / (uint.MaxValue + 2.0));

    // The same on each node and after each start, unlike string.GetHashCode (FNV-1a, its last bits well mixed).
    private static uint StableHash(string text)
    {
        var hash = 2166136261u;
        foreach (var c in text)
        {
            hash = (hash ^ c) * 16777619;
        }

        hash = (hash ^ (hash >> 16)) * 0x85EBCA6B;
        hash = (hash ^ (hash >> 13)) * 0xC2B2AE35;
        return hash ^ (hash >> 16);
    }
}
