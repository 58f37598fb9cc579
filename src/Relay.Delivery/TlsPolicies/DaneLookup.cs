using System.Net;
using Relay.Delivery.Connections;
using Relay.Delivery.Routing;

namespace Relay.Delivery.TlsPolicies;

/// <summary>
/// Finds what a host's DNS says about its certificate (RFC 7672, 2.2). It counts only where every answer on the way, from
/// the MX to the TLSA records, was validated; where one could not be had, the host may not be used, as an attacker could
/// have taken it away.
/// </summary>
internal sealed class DaneLookup(Resolver resolver)
{
    /// <param name="addresses">The answer that led to the host's addresses.</param>
    public async ValueTask<DaneFinding> FindAsync(RouteHost host, DnsAnswer<IPAddress> addresses, CancellationToken cancellation)
    {
        var end = addresses.EndOfAliases ?? host.Name;
        if (addresses.IsSecure)
        {
            // The name at the end of the aliases first, then the one that the MX has (RFC 7672, 2.2.3).
            var found = await AskAsync(end, host.Port, cancellation);
            return found is DaneFinding.None && end != host.Name ? await AskAsync(host.Name, host.Port, cancellation) : found;
        }

        // The alias may stand in a signed zone though what it leads to does not (RFC 7672, 2.2.2). Whether it does must be known:
        // an answer that is kept from us would else be as good as one that says no (2.1).
        if (end == host.Name)
        {
            return DaneFinding.Nothing;
        }

        var alias = await resolver.AliasAsync(host.Name, cancellation);
        return alias.Finding == DnsFinding.Failed ? new DaneFinding.Unknown(alias.Words, alias.Lack)
            : alias.IsSecure ? await AskAsync(host.Name, host.Port, cancellation)
            : DaneFinding.Nothing;
    }

    /// <summary>The name below which a host's records stand (RFC 7672, 2.2.3).</summary>
    public static string NameFor(string host, int port) => $"_{port}._tcp.{host}";

    private async ValueTask<DaneFinding> AskAsync(string name, int port, CancellationToken cancellation)
    {
        var answer = await resolver.TlsaAsync(NameFor(name, port), cancellation);
        return answer.Finding switch
        {
            DnsFinding.Failed => new DaneFinding.Unknown(answer.Words, answer.Lack),
            DnsFinding.Found when answer.IsSecure => new DaneFinding.Published(name, Tlsa.Deciding(answer.Records)),
            _ => DaneFinding.Nothing,
        };
    }
}

internal abstract record DaneFinding
{
    private DaneFinding()
    {
    }

    public static readonly DaneFinding Nothing = new None();

    /// <summary>The host publishes nothing that counts.</summary>
    public sealed record None : DaneFinding;

    /// <param name="Name">Below which the records stand: what the host is called in the handshake, and what a certificate may name.</param>
    /// <param name="Records">Empty where none of them can be used: then there must be TLS all the same.</param>
    public sealed record Published(string Name, IReadOnlyList<Tlsa> Records) : DaneFinding;

    /// <summary>It could not be found out.</summary>
    /// <param name="Lack">What this machine lacked to ask; null where the trouble is the host's own.</param>
    public sealed record Unknown(string Words, OwnLack? Lack) : DaneFinding;
}
