using System.Net;
using System.Net.Sockets;
using DnsClient;
using DnsClient.Protocol;
using Microsoft.Extensions.Options;
using Relay.Delivery.Connections;
using Relay.Delivery.TlsPolicies;

namespace Relay.Delivery.Routing;

/// <summary>Asks DNS, and remembers each answer for its TTL.</summary>
internal sealed class Resolver
{
    // An answer may not pin us for longer than an operator who moves a host would wait, nor be asked for at each message.
    private static readonly TimeSpan ShortestTtl = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestTtl = TimeSpan.FromHours(1);

    // No and don't know are kept for a shorter time: someone is about to repair them.
    private static readonly TimeSpan NegativeTtl = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan FailureTtl = TimeSpan.FromSeconds(5);

    // A resolver follows aliases itself; what still comes as an alias is followed this far and no farther.
    private const int MaxAliases = 8;

    private readonly OwnMeans _means;
    private readonly OwnResolver _own;
    private readonly TimeProvider _time;
    private readonly DnsCache<MxHost> _exchangers;
    private readonly DnsCache<IPAddress> _four;
    private readonly DnsCache<IPAddress> _six;
    private readonly DnsCache<string> _texts;
    private readonly DnsCache<string> _aliases;
    private readonly DnsCache<Tlsa> _tlsa;
    private readonly bool _trusted;

    public Resolver(OwnMeans means, IOptions<DeliveryOptions> options, TimeProvider time)
    {
        (_means, _time) = (means, time);
        _own = new OwnResolver(AnswersAsync, time);
        _exchangers = new DnsCache<MxHost>(time);
        _four = new DnsCache<IPAddress>(time);
        _six = new DnsCache<IPAddress>(time);
        _texts = new DnsCache<string>(time);
        _aliases = new DnsCache<string>(time);
        _tlsa = new DnsCache<Tlsa>(time);
        _trusted = options.Value.Dns.Trusted;

        var client = NameServers.ClientOf(options.Value.Dns);
        Query = (name, type) => client.QueryAsync(name, type);
    }

    /// <summary>Asks a name server; for tests.</summary>
    public Func<string, QueryType, Task<IDnsQueryResponse>> Query { get; set; }

    public ValueTask<DnsAnswer<MxHost>> ExchangersAsync(string domain, CancellationToken cancellation) =>
        _exchangers.GetAsync(domain, name => AskAsync(name, QueryType.MX, Exchangers), cancellation);

    /// <summary>A and AAAA of a host, IPv4 first: large receivers are stricter about the reputation of IPv6 senders.</summary>
    public async ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, CancellationToken cancellation)
    {
        var askedSix = _six.GetAsync(host, name => AskAsync(name, QueryType.AAAA, Addresses), cancellation);
        var four = await _four.GetAsync(host, name => AskAsync(name, QueryType.A, Addresses), cancellation);
        var six = await askedSix;

        var until = four.Until < six.Until ? four.Until : six.Until;
        return (four.Finding, six.Finding) switch
        {
            (DnsFinding.Found, _) or (_, DnsFinding.Found) => new(DnsFinding.Found, [.. four.Records, .. six.Records], "", until)
            {
                // What is used of them must be proved; that the other is not there need not be.
                IsSecure = (four.IsSecure || four.Finding != DnsFinding.Found) && (six.IsSecure || six.Finding != DnsFinding.Found),
                EndOfAliases = four.EndOfAliases ?? six.EndOfAliases,
            },
            (DnsFinding.Failed, _) => four,
            (_, DnsFinding.Failed) => six,
            _ => four,
        };
    }

    /// <summary>Each text joined from its strings.</summary>
    public ValueTask<DnsAnswer<string>> TextAsync(string name, CancellationToken cancellation) =>
        _texts.GetAsync(name, n => AskAsync(n, QueryType.TXT, Texts), cancellation);

    /// <summary>What the name is an alias of, if it is one.</summary>
    public ValueTask<DnsAnswer<string>> AliasAsync(string name, CancellationToken cancellation) =>
        _aliases.GetAsync(name, n => AskAsync(n, QueryType.CNAME, static (response, _) => response.Answers.CnameRecords().Select(c => NameOf(c.CanonicalName))), cancellation);

    public ValueTask<DnsAnswer<Tlsa>> TlsaAsync(string name, CancellationToken cancellation) =>
        _tlsa.GetAsync(name, n => AskAsync(n, QueryType.TLSA, Associations), cancellation);

    /// <summary>Forgets every answer about a name.</summary>
    public void Forget(string name)
    {
        _texts.Forget(name);
        _aliases.Forget(name);
        _tlsa.Forget(name);
        _exchangers.Forget(name);
        _four.Forget(name);
        _six.Forget(name);
    }

    private async Task<DnsAnswer<T>> AskAsync<T>(string name, QueryType type, Func<IDnsQueryResponse, string, IEnumerable<T>> read)
    {
        var answer = await AskServersAsync(name, type, read);
        if (answer.Finding != DnsFinding.Failed)
        {
            // Below what does not exist nothing can, which a cache knows (RFC 8020).
            if (type == QueryType.MX && answer.Finding != DnsFinding.NoSuchName)
            {
                _own.Answered(name);
            }

            return answer;
        }

        return answer.Lack is null && await _own.FindLackAsync(name) is { } lack ? Lacking(answer, lack) : answer;
    }

    private async Task<DnsAnswer<T>> AskServersAsync<T>(string name, QueryType type, Func<IDnsQueryResponse, string, IEnumerable<T>> read)
    {
        try
        {
            var target = name;
            var secure = _trusted;
            for (var aliases = 0; aliases <= MaxAliases; aliases++)
            {
                var response = await Query(target, type);

                // One step of the chain that is not proved is enough to lead us astray.
                secure &= response.Header.IsAuthenticData;
                if (Failure<T>(response, name, type) is { } failure)
                {
                    return failure with { IsSecure = secure && failure.Finding == DnsFinding.NoSuchName };
                }

                var end = EndOfAliases(response, target);
                T[] records = [.. read(response, end)];
                if (records.Length > 0)
                {
                    return new(DnsFinding.Found, records, "", _time.GetUtcNow() + Ttl(response)) { IsSecure = secure, EndOfAliases = end };
                }

                if (end == target)
                {
                    return new(DnsFinding.NoRecord, [], $"{name} has no {type} record", _time.GetUtcNow() + NegativeTtl) { IsSecure = secure };
                }

                target = end;
            }

            return Failed<T>($"{name} has too many aliases");
        }
        catch (Exception e) when (_means.Find(e) is { } lack)
        {
            return Lacking(Failed<T>($"looking up {type} of {name} failed"), lack);
        }
        catch (DnsResponseException e)
        {
            return Failed<T>($"looking up {type} of {name} failed: {e.DnsError}");
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or InvalidOperationException)
        {
            return Failed<T>($"looking up {type} of {name} failed: no server could be reached");
        }
        catch (ArgumentException)
        {
            return new(DnsFinding.NoSuchName, [], $"{name} is not a host name", _time.GetUtcNow() + NegativeTtl);
        }
    }

    private DnsAnswer<T>? Failure<T>(IDnsQueryResponse response, string name, QueryType type) => response.Header.ResponseCode switch
    {
        DnsHeaderResponseCode.NoError => null,
        DnsHeaderResponseCode.NotExistentDomain => new(DnsFinding.NoSuchName, [], $"{name} does not exist", _time.GetUtcNow() + NegativeTtl),
        var code => Failed<T>($"looking up {type} of {name} failed: {code}"),
    };

    // No answer of anybody's: it is asked again as soon as somebody wants to know.
    private DnsAnswer<T> Lacking<T>(DnsAnswer<T> failed, OwnLack lack) =>
        failed with { Words = $"{failed.Words}: {lack.Words}", Lack = lack, Until = _time.GetUtcNow() };

    private async Task<bool> AnswersAsync(string name)
    {
        try
        {
            return (await Query(name, QueryType.A)).Header.ResponseCode is DnsHeaderResponseCode.NoError or DnsHeaderResponseCode.NotExistentDomain;
        }
        catch (Exception e) when (e is DnsResponseException or SocketException or OperationCanceledException or InvalidOperationException or ArgumentException)
        {
            return false;
        }
    }

    private DnsAnswer<T> Failed<T>(string words) => new(DnsFinding.Failed, [], words, _time.GetUtcNow() + FailureTtl);

    // The name at the end of the chain of aliases in this answer; a loop ends where it began.
    private static string EndOfAliases(IDnsQueryResponse response, string name)
    {
        var end = name;
        for (var i = 0; i < MaxAliases; i++)
        {
            var alias = response.Answers.CnameRecords().FirstOrDefault(c => NameOf(c.DomainName) == NameOf(end));
            if (alias is null)
            {
                return end;
            }

            end = NameOf(alias.CanonicalName);
        }

        return end;
    }

    private static IEnumerable<MxHost> Exchangers(IDnsQueryResponse response, string owner) =>
        response.Answers.MxRecords()
            .Where(mx => NameOf(mx.DomainName) == NameOf(owner))
            .Select(mx => new MxHost(NameOf(mx.Exchange), mx.Preference));

    private static IEnumerable<IPAddress> Addresses(IDnsQueryResponse response, string owner) =>
        response.Answers.AddressRecords()
            .Where(a => NameOf(a.DomainName) == NameOf(owner))
            .Select(a => a.Address);

    private static IEnumerable<string> Texts(IDnsQueryResponse response, string owner) =>
        response.Answers.TxtRecords()
            .Where(txt => NameOf(txt.DomainName) == NameOf(owner))
            .Select(txt => string.Concat(txt.Text));

    private static IEnumerable<Tlsa> Associations(IDnsQueryResponse response, string owner) =>
        response.Answers.TlsaRecords()
            .Where(tlsa => NameOf(tlsa.DomainName) == NameOf(owner))
            .Select(tlsa => new Tlsa((int)tlsa.CertificateUsage, (int)tlsa.Selector, (int)tlsa.MatchingType, tlsa.CertificateAssociationData.ToArray()));

    private static TimeSpan Ttl(IDnsQueryResponse response)
    {
        var ttl = TimeSpan.FromSeconds(response.Answers.Min(a => a.InitialTimeToLive));
        return ttl < ShortestTtl ? ShortestTtl : ttl > LongestTtl ? LongestTtl : ttl;
    }

    private static string NameOf(string name) => name.TrimEnd('.').ToLowerInvariant();
}

/// <param name="Name">Lower case, no final dot; empty for a null MX (RFC 7505).</param>
internal sealed record MxHost(string Name, int Preference);
