using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Relay.Delivery.Routing;

/// <summary>
/// HTTPS to hosts that others name: policies to fetch, reports to hand in, webhooks to call. Whoever names a recipient, or is
/// a stranger with an account, names them too, so the address is judged as that of a mail exchanger is, and the one that was
/// judged is connected to; no redirect is followed, no proxy asked.
/// </summary>
internal sealed class CheckedHttp : IDisposable
{
    // A host that moves is followed soon, and a burst to one makes one handshake for each that runs at a time.
    private static readonly TimeSpan Lasting = TimeSpan.FromMinutes(1);

    // Nobody reads what an answer says beside its status; for more than this the connection is closed instead.
    private const int MostDrained = 16 * 1024;

    private readonly Resolver _resolver;
    private readonly AddressPolicy _addresses;
    private readonly SocketsHttpHandler _handler;
    private readonly SocketsHttpHandler _lasting;

    public CheckedHttp(Resolver resolver, AddressPolicy addresses)
    {
        _resolver = resolver;
        _addresses = addresses;

        // Each request asks DNS anew, and there is hardly ever a second one to the same host.
        _handler = CreateHandler(TimeSpan.Zero);
        _lasting = CreateHandler(Lasting);
        Client = new HttpClient(_handler) { Timeout = Timeout.InfiniteTimeSpan };
        LastingClient = new HttpClient(_lasting) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Has no time limit of its own: whoever asks sets one.</summary>
    public HttpClient Client { get; }

    /// <summary>
    /// The same, but its connections serve further requests to the same host for a minute. A request that finds one closed is
    /// made again without a word: only for what may come twice.
    /// </summary>
    public HttpClient LastingClient { get; }

    /// <summary>Trusts these authorities instead of the system's; for tests.</summary>
    public void Trust(X509ChainPolicy policy)
    {
        _handler.SslOptions.CertificateChainPolicy = policy;
        _lasting.SslOptions.CertificateChainPolicy = policy;
    }

    public void Dispose()
    {
        Client.Dispose();
        LastingClient.Dispose();
    }

    private SocketsHttpHandler CreateHandler(TimeSpan lifetime) => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        MaxResponseHeadersLength = 16,
        MaxResponseDrainSize = MostDrained,
        PooledConnectionLifetime = lifetime,
        ConnectCallback = ConnectAsync,
        SslOptions = new SslClientAuthenticationOptions { CertificateRevocationCheckMode = X509RevocationMode.NoCheck },
    };

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
