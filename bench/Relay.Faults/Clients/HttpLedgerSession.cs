using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Relay.Faults.Ledgers;

namespace Relay.Faults.Clients;

/// <summary>A client of <c>POST /send</c>.</summary>
internal sealed class HttpLedgerSession : ILedgerSession
{
    private readonly HttpClient _client;

    public HttpLedgerSession(RelayDoor door, Tenant tenant, TimeSpan timeout)
    {
        _client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = door.Http, Timeout = timeout };
        _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", tenant.Key);
    }

    public async Task<Answer> SubmitAsync(LedgerMail mail, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/send") { Content = JsonContent.Create(mail.ToJson()) };
        if (mail.IdempotencyKey is { } key)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        try
        {
            using var response = await _client.SendAsync(request, cancellation);
            var body = await response.Content.ReadAsStringAsync(cancellation);
            return response.StatusCode == HttpStatusCode.Accepted
                ? Answer.Accepted("202", JsonElement.Parse(body).GetProperty("id").GetString(), mail.Recipients)
                : Refused(response.StatusCode, body, mail);
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ConnectionError)
        {
            return Answer.Closed(e.Message);
        }
        catch (SocketException e)
        {
            // .NET lets it through when the other end has gone between connect and the first octet.
            return Answer.Closed(e.Message);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            return new Answer(SubmissionOutcome.Info, $"{(e is OperationCanceledException ? "timeout" : "lost")}: {e.Message}", Recipients: mail.Recipients);
        }
    }

    public void Dispose() => _client.Dispose();

    // 503 may come after the body was on its way into the store; 408 and 409 speak of another try.
    private static Answer Refused(HttpStatusCode status, string body, LedgerMail mail)
    {
        var isForNow = (int)status >= 500 || status is HttpStatusCode.RequestTimeout or HttpStatusCode.Conflict;
        return new Answer(isForNow ? SubmissionOutcome.Info : SubmissionOutcome.Fail, $"{(int)status} {body}", Recipients: mail.Recipients) { IsForNow = isForNow };
    }
}
