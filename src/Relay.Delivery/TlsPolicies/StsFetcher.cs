using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Relay.Delivery.Routing;

namespace Relay.Delivery.TlsPolicies;

/// <summary>
/// Gets a domain's policy over HTTPS (RFC 8461, 3.3): the certificate must prove <c>mta-sts.DOMAIN</c>, a redirect is a
/// failure, and neither the size nor the time is the server's to choose. Whoever names a recipient names this host too, so
/// the address is judged as that of a mail exchanger is, and the one that was judged is connected to.
/// </summary>
internal sealed class StsFetcher : IDisposable
{
    // RFC 8461, 3.3 suggests both bounds; mail waits for the first fetch, so the time is shorter than the minute it names.
    private const int MaxOctets = 64 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Resolver _resolver;
    private readonly AddressPolicy _addresses;
    private readonly SocketsHttpHandler _handler;
    private readonly HttpClient _client;

    public StsFetcher(Resolver resolver, AddressPolicy addresses)
    {
        _resolver = resolver;
        _addresses = addresses;
        _handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxResponseHeadersLength = 16,

            // Each fetch asks DNS anew, and there is hardly ever a second one.
            PooledConnectionLifetime = TimeSpan.Zero,
            ConnectCallback = ConnectAsync,
            SslOptions = new SslClientAuthenticationOptions { CertificateRevocationCheckMode = X509RevocationMode.NoCheck },
        };
        _client = new HttpClient(_handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Where policy servers listen; another port only makes sense in a test.</summary>
    public int Port { get; set; } = 443;

    /// <summary>Trusts these authorities instead of the system's; for tests.</summary>
    public void Trust(X509ChainPolicy policy) => _handler.SslOptions.CertificateChainPolicy = policy;

    public async Task<StsFetched> FetchAsync(string domain, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Patience);
        try
        {
            using var response = await _client.GetAsync(
                new UriBuilder("https", $"mta-sts.{domain}", Port, ".well-known/mta-sts.txt").Uri, HttpCompletionOption.ResponseHeadersRead, deadline.Token);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                return Failed(TlsTrouble.StsPolicyFetchError, $"the policy server answered {(int)response.StatusCode}");
            }

            if (response.Content.Headers.ContentType?.MediaType is not "text/plain")
            {
                return Failed(TlsTrouble.StsPolicyFetchError, "the policy is not text/plain");
            }

            return await ReadAsync(response.Content, deadline.Token) is not { } text
                ? Failed(TlsTrouble.StsPolicyFetchError, $"the policy is longer than {MaxOctets} octets")
                : StsPolicy.Parse(text, out var problem) is { } policy ? new StsFetched(policy, null, "")
                : Failed(TlsTrouble.StsPolicyInvalid, $"the policy is not valid: {problem}");
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.SecureConnectionError || e.InnerException is AuthenticationException)
        {
            return Failed(TlsTrouble.StsWebpkiInvalid, "the policy server's certificate does not prove its name");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            return Failed(TlsTrouble.StsPolicyFetchError, $"the policy server could not be asked: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Failed(TlsTrouble.StsPolicyFetchError, "the policy server took too long");
        }
    }

    public void Dispose() => _client.Dispose();

    private static StsFetched Failed(TlsTrouble trouble, string words) => new(null, trouble, words);

    // Null when there is more than there may be.
    private static async Task<string?> ReadAsync(HttpContent content, CancellationToken cancellation)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellation);
        var octets = new byte[MaxOctets + 1];
        var length = await stream.ReadAtLeastAsync(octets, octets.Length, throwOnEndOfStream: false, cancellation);
        return length > MaxOctets ? null : Encoding.UTF8.GetString(octets, 0, length);
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var answer = await _resolver.AddressesAsync(context.DnsEndPoint.Host, cancellation);
        if (answer.Finding != DnsFinding.Found)
        {
            throw new HttpRequestException(answer.Words);
        }

        Exception? failure = null;
        foreach (var address in answer.Records)
        {
            var place = new IPEndPoint(address, context.DnsEndPoint.Port);
            if (_addresses.Check(place) is { } refusal)
            {
                failure ??= new HttpRequestException(refusal.Words);
                continue;
            }

            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(place, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                socket.Dispose();
                cancellation.ThrowIfCancellationRequested();
                failure = e;
            }
        }

        throw failure!;
    }
}

/// <param name="Trouble">Null where there is a policy.</param>
internal sealed record StsFetched(StsPolicy? Policy, TlsTrouble? Trouble, string Words);
