using System.Net;
using System.Net.Http.Headers;

namespace Relay.Load.Traffic.Http;

/// <summary>A client of <c>POST /send</c>, with a connection of its own as an SMTP session has.</summary>
internal sealed class HttpSession(TrafficPlan plan, Door door) : ISession
{
    private readonly Form _json = LoadMessage.Json(plan.Size, plan.Zone);
    private readonly Uri _send = new($"http://{door.Address}/send");
    private HttpClient? _client;

    public void Open()
    {
        Dispose();
        _client = new(new SocketsHttpHandler { MaxConnectionsPerServer = 1, UseProxy = false })
        {
            Timeout = plan.Timeout,
        };
    }

    public string? Send(LoadToken token, int domain)
    {
        _json.Fill(token, domain);
        using var request = new HttpRequestMessage(HttpMethod.Post, _send) { Content = new ByteArrayContent(_json.Octets) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", door.Key);
        request.Headers.ConnectionClose = plan.NewConnection;

        try
        {
            using var response = _client!.Send(request, HttpCompletionOption.ResponseContentRead);
            return response.StatusCode == HttpStatusCode.Accepted ? null : Describe(response);
        }
        catch (Exception broken) when (broken is HttpRequestException or TaskCanceledException)
        {
            throw new IOException(broken.Message, broken);
        }
    }

    private static string Describe(HttpResponseMessage response)
    {
        using var reader = new StreamReader(response.Content.ReadAsStream());
        return $"{(int)response.StatusCode} {reader.ReadToEnd()}";
    }

    public void Dispose()
    {
        _client?.Dispose();
        _client = null;
    }
}
