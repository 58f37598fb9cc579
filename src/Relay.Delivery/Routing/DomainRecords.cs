using System.Net.Sockets;
using DnsClient;
using Microsoft.Extensions.Options;
using Relay.Mail.Domains;

namespace Relay.Delivery.Routing;

/// <summary>Asks the name servers at each call: whoever has just published a record wants to know now.</summary>
internal sealed class DomainRecords(IOptions<DeliveryOptions> options) : IDomainRecords
{
    private readonly LookupClient _client = NameServers.ClientOf(options.Value.Dns);

    public async ValueTask<IReadOnlyList<string>> FindTextsAsync(string name, CancellationToken cancellation)
    {
        var response = await AskAsync(name, cancellation);
        return response.Header.ResponseCode switch
        {
            // A record longer than 255 octets stands in several strings that belong together (RFC 7208, 3.3).
            DnsHeaderResponseCode.NoError => [.. response.Answers.TxtRecords().Select(record => string.Concat(record.Text))],
            DnsHeaderResponseCode.NotExistentDomain => [],
            var code => throw new DomainRecordsUnavailableException($"looking up TXT of {name} failed: {code}"),
        };
    }

    private async Task<IDnsQueryResponse> AskAsync(string name, CancellationToken cancellation)
    {
        try
        {
            return await _client.QueryAsync(name, QueryType.TXT, cancellationToken: cancellation);
        }
        catch (Exception e) when (e is DnsResponseException or SocketException or InvalidOperationException
            || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new DomainRecordsUnavailableException($"looking up TXT of {name} failed: no server could be reached", e);
        }
    }
}
