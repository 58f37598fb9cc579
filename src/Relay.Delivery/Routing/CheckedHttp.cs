using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Relay.Delivery.Routing;

/// <summary>
/// HTTPS to hosts that others name: policies to fetch, reports to hand in. Whoever names a recipient names them too, so the
/// address is judged as that of a mail exchanger is, and the one that was judged is connected to; no redirect is followed,
/// no proxy asked.
/// </summary>
internal sealed class CheckedHttp : IDisposable
{
    private readonly Resolver _resolver;
    private readonly AddressPolicy _addresses;
    private readonly SocketsHttpHandler _handler;

    public CheckedHttp(Resolver resolver, AddressPolicy addresses)
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

            // Each request asks DNS anew, and there is hardly ever a second one to the same host.
            PooledConnectionLifetime = TimeSpan.Zero,
            ConnectCallback = ConnectAsync,
            SslOptions = new SslClientAuthenticationOptions { CertificateRevocationCheckMode = X509RevocationMode.NoCheck },
        };
        Client = new HttpClient(_handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Has no time limit of its own: whoever asks sets one.</summary>
    public HttpClient Client { get; }

    /// <summary>Trusts these authorities instead of the system's; for tests.</summary>
    public void Trust(X509ChainPolicy policy) => _handler.SslOptions.CertificateChainPolicy = policy;

    public void Dispose() => Client.Dispose();

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
