using Relay.Delivery.Connections;

namespace Relay.Delivery.Routing;

/// <summary>What DNS says about one name and type.</summary>
/// <param name="Records">Empty unless something was found.</param>
/// <param name="Words">Why there is nothing, for people.</param>
internal sealed record DnsAnswer<T>(DnsFinding Finding, IReadOnlyList<T> Records, string Words, DateTimeOffset Until)
{
    /// <summary>A resolver that is trusted says that DNSSEC proves it, also that there is nothing (RFC 4035, 3.2.3).</summary>
    public bool IsSecure { get; init; }

    /// <summary>What this machine lacked, so that nobody was asked or heard; null where the trouble is the name's own.</summary>
    public OwnLack? Lack { get; init; }

    /// <summary>The name at the end of the aliases; null where nothing was found.</summary>
    public string? EndOfAliases { get; init; }
}

internal enum DnsFinding
{
    Found,

    /// <summary>The name is there, but has no such record.</summary>
    NoRecord,

    /// <summary>NXDOMAIN.</summary>
    NoSuchName,

    /// <summary>SERVFAIL, REFUSED, a timeout or nonsense: nothing can be concluded.</summary>
    Failed,
}
