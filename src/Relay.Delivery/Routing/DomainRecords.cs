using System.Net;
using System.Net.Sockets;
using DnsClient;
using DnsClient.Protocol;
using Microsoft.Extensions.Options;
using Relay.Mail.Domains;

namespace Relay.Delivery.Routing;

/// <summary>Asks the name servers at each call: whoever has just published a record wants to know now.</summary>
/// <param name="authoritativePort">Where the servers of zones listen; another one only makes sense in a test.</param>
internal sealed class DomainRecords(IOptions<DeliveryOptions> options, int authoritativePort = 53) : IDomainRecords
{
    // A zone has two to six; a zone that names hundreds does not make us ask hundreds.
    private const int MostServers = 8;

    // Who asks waits for the slowest; the resolver, which was asked first, has answered already.
    private static readonly TimeSpan ServerTimeout = TimeSpan.FromSeconds(2);

    private readonly LookupClient _client = NameServers.ClientOf(options.Value.Dns);

    public async ValueTask<IReadOnlyList<string>> FindAsync(string name, RecordType type, CancellationToken cancellation)
    {
        if (type != RecordType.Ptr && !CanExist(name))
        {
            return [];
        }

        if (type == RecordType.Address)
        {
            return [.. Values(await AskAsync(name, QueryType.A, cancellation), type), .. Values(await AskAsync(name, QueryType.AAAA, cancellation), type)];
        }

        return type == RecordType.Ptr
            ? Values(await AskAsync(() => _client.QueryReverseAsync(IPAddress.Parse(name), cancellation), name, QueryType.PTR, cancellation), type)
            : Values(await AskAsync(name, QueryTypeOf(type), cancellation), type);
    }

    public async ValueTask<PublishedAnswers> CompareAsync(string name, RecordType type, CancellationToken cancellation)
    {
        if (!CanExist(name))
        {
            return new PublishedAnswers([new ServerAnswer("", [])]);
        }

        var query = QueryTypeOf(type);
        var resolved = await AskAsync(name, query, cancellation);
        var alias = type == RecordType.Cname ? null : AliasOf(resolved, name);
        if (alias is null)
        {
            var servers = await ServersOfAsync(name, cancellation);
            var answers = await Task.WhenAll(servers.Select(server => AskServerAsync(server, name, type, query, cancellation)));
            if (answers.OfType<ServerAnswer>().ToList() is { Count: > 0 } reached)
            {
                return new PublishedAnswers(reached);
            }
        }

        return new PublishedAnswers([new ServerAnswer("", Values(resolved, type))], alias);
    }

    // The zone begins at the nearest name above that has name servers.
    private async Task<IReadOnlyList<(string Name, IPAddress Address)>> ServersOfAsync(string name, CancellationToken cancellation)
    {
        try
        {
            for (var zone = name; zone.Contains('.', StringComparison.Ordinal); zone = zone[(zone.IndexOf('.', StringComparison.Ordinal) + 1)..])
            {
                var hosts = (await AskAsync(zone, QueryType.NS, cancellation)).Answers.NsRecords()
                    .Where(record => NameOf(record.DomainName) == NameOf(zone)).Select(record => NameOf(record.NSDName)).Distinct().Take(MostServers).ToList();
                if (hosts.Count > 0)
                {
                    var found = await Task.WhenAll(hosts.Select(host => AddressOfAsync(host, cancellation)));
                    return [.. hosts.Zip(found).Where(pair => pair.Second is not null).Select(pair => (pair.First, pair.Second!))];
                }
            }
        }
        catch (DomainRecordsUnavailableException)
        {
            // The resolver has answered what matters; whom to ask besides is not known.
        }

        return [];
    }

    private async Task<IPAddress?> AddressOfAsync(string host, CancellationToken cancellation)
    {
        try
        {
            var addresses = Values(await AskAsync(host, QueryType.A, cancellation), RecordType.Address);
            // Whoever adds a domain names its servers too, and must not make us speak to hosts inside.
            return addresses.Select(IPAddress.Parse).FirstOrDefault(address => options.Value.AllowPrivateDestinations || AddressPolicy.KindOf(address) is null);
        }
        catch (DomainRecordsUnavailableException)
        {
            return null;
        }
    }

    /// <returns>Null when the server cannot be reached or does not know the zone.</returns>
    private async Task<ServerAnswer?> AskServerAsync(
        (string Name, IPAddress Address) server, string name, RecordType type, QueryType query, CancellationToken cancellation)
    {
        try
        {
            var client = NameServers.ClientOf(new IPEndPoint(server.Address, authoritativePort), ServerTimeout);
            var response = await client.QueryAsync(name, query, cancellationToken: cancellation);
            return response.Header is { HasAuthorityAnswer: true, ResponseCode: DnsHeaderResponseCode.NoError or DnsHeaderResponseCode.NotExistentDomain }
                ? new ServerAnswer(server.Name, Values(response, type))
                : null;
        }
        catch (Exception e) when (IsNoAnswer(e, cancellation))
        {
            return null;
        }
    }

    private Task<IDnsQueryResponse> AskAsync(string name, QueryType type, CancellationToken cancellation) =>
        AskAsync(() => _client.QueryAsync(name, type, cancellationToken: cancellation), name, type, cancellation);

    private static async Task<IDnsQueryResponse> AskAsync(Func<Task<IDnsQueryResponse>> ask, string name, QueryType type, CancellationToken cancellation)
    {
        try
        {
            var response = await ask();
            return response.Header.ResponseCode is DnsHeaderResponseCode.NoError or DnsHeaderResponseCode.NotExistentDomain
                ? response
                : throw new DomainRecordsUnavailableException($"looking up {type} of {name} failed: {response.Header.ResponseCode}");
        }
        catch (Exception e) when (IsNoAnswer(e, cancellation))
        {
            throw new DomainRecordsUnavailableException($"looking up {type} of {name} failed: no server could be reached", e);
        }
    }

    private static bool IsNoAnswer(Exception e, CancellationToken cancellation) =>
        e is DnsResponseException or SocketException or InvalidOperationException
        // Names that it cannot put into a question, such as what is no host name in any script.
        || e is ArgumentException
        || (e is OperationCanceledException && !cancellation.IsCancellationRequested);

    private static IReadOnlyList<string> Values(IDnsQueryResponse response, RecordType type) => type switch
    {
        // A record longer than 255 octets stands in several strings that belong together (RFC 7208, 3.3).
        RecordType.Txt => [.. response.Answers.TxtRecords().Select(record => string.Concat(record.Text))],
        RecordType.Mx => [.. response.Answers.MxRecords().Select(record => $"{record.Preference} {NameOf(record.Exchange)}")],
        RecordType.Cname => [.. response.Answers.CnameRecords().Take(1).Select(record => NameOf(record.CanonicalName))],
        RecordType.Ptr => [.. response.Answers.PtrRecords().Select(record => NameOf(record.PtrDomainName))],
        _ => [.. response.Answers.AddressRecords().Select(record => record.Address.ToString())],
    };

    private static string? AliasOf(IDnsQueryResponse response, string name) =>
        response.Answers.CnameRecords().FirstOrDefault(record => NameOf(record.DomainName) == NameOf(name)) is { } alias
            ? NameOf(alias.CanonicalName)
            : null;

    private static QueryType QueryTypeOf(RecordType type) => type switch
    {
        RecordType.Txt => QueryType.TXT,
        RecordType.Mx => QueryType.MX,
        RecordType.Cname => QueryType.CNAME,
        RecordType.Ptr => QueryType.PTR,
        _ => QueryType.A,
    };

    // RFC 1035, 2.3.4. What is made of others' names, as an include of SPF, may be anything.
    private static bool CanExist(string name) =>
        name.TrimEnd('.') is { Length: > 0 and <= 253 } whole && whole.Split('.').All(label => label.Length is > 0 and <= 63);

    private static string NameOf(string name) => name.TrimEnd('.').ToLowerInvariant();
}
