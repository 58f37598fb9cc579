using System.Net.Http.Headers;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Relay.Delivery.Routing;

namespace Relay.Delivery.TlsReports;

/// <summary>Hands a report in over HTTPS (RFC 8460, 5.4).</summary>
internal sealed class TlsReportPost(CheckedHttp http, IOptions<DeliveryOptions> options, TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>Null when it was taken, else why not, for people.</summary>
    public async Task<string?> SendAsync(Uri place, byte[] file, CancellationToken cancellation)
    {
        if (!place.IsDefaultPort && !options.Value.AllowPrivateDestinations)
        {
            return "reports go to port 443 only";
        }

        using var patience = new CancellationTokenSource(Patience, time);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, place) { Content = new ByteArrayContent(file) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/tlsrpt+gzip");
            using var response = await http.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token);
            return response.IsSuccessStatusCode ? null : $"the server answered {(int)response.StatusCode}";
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return "the server took too long";
        }
    }
}
