using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Relay.Mail.Crashing;

namespace Relay.Delivery.Hooks;

/// <summary>One POST to a program that an account named, signed as Standard Webhooks has it.</summary>
internal sealed class HookPost(IOptions<DeliveryOptions> options, TimeProvider time)
{
    // As with a remote that asks for more (BlockedDomains): it may be long up again.
    private static readonly TimeSpan LongestRest = TimeSpan.FromHours(1);

    private readonly TimeSpan _patience = options.Value.Timeouts.Webhook;

    /// <param name="client">Of <see cref="Routing.CheckedHttp"/>.</param>
    /// <param name="id">The same each time that the same is posted, so that a program which took it and whose answer was lost can tell.</param>
    /// <param name="secrets">Each makes a signature, the newest first.</param>
    public async Task<HookAnswer> SendAsync(HttpClient client, Uri place, string id, byte[] body, params IReadOnlyList<byte[]> secrets)
    {
        using var content = new PostedContent(body);
        using var request = new HttpRequestMessage(HttpMethod.Post, place) { Content = content };
        Sign(request, id, body, secrets);

        // A stop does not cut it off: the program may have it, and only its answer says so.
        using var patience = new CancellationTokenSource(_patience, time);
        try
        {
            // What it says beside its status is nobody's business.
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            CrashPoints.Pass(CrashPoint.WebhookSent);
            var wait = WaitIn(response);
            return new HookAnswer(response.IsSuccessStatusCode, $"HTTP {(int)response.StatusCode}", wait > LongestRest ? LongestRest : wait, IsUnheard: false);
        }
        catch (HttpRequestException e)
        {
            return new HookAnswer(false, content.WasSent ? $"the webhook did not answer: {e.Message}" : $"the webhook could not be reached: {e.Message}", null, content.WasSent);
        }
        catch (OperationCanceledException)
        {
            return new HookAnswer(false, $"the webhook did not answer within {_patience.TotalSeconds:0} seconds", null, content.WasSent);
        }
    }

    private void Sign(HttpRequestMessage request, string id, byte[] body, IReadOnlyList<byte[]> secrets)
    {
        var seconds = time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signatures = secrets.Select(secret =>
        {
            using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
            hash.AppendData(Encoding.ASCII.GetBytes($"{id}.{seconds}."));
            hash.AppendData(body);
            return $"v1,{Convert.ToBase64String(hash.GetHashAndReset())}";
        });
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", seconds);
        request.Headers.Add("webhook-signature", string.Join(' ', signatures));
    }

    // As seconds or as a time (RFC 9110, 10.2.3); of the others it says nothing about when to come again.
    private TimeSpan? WaitIn(HttpResponseMessage response) =>
        response is { StatusCode: HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable, Headers.RetryAfter: { } after }
            ? after.Delta ?? after.Date - time.GetUtcNow()
            : null;
}

/// <param name="IsTaken">It said yes.</param>
/// <param name="Words">What it said, or why it did not.</param>
/// <param name="Wait">It wants nothing more before this has passed; null where it did not say.</param>
/// <param name="IsUnheard">All of it was handed over and nothing heard: it may have it.</param>
internal sealed record HookAnswer(bool IsTaken, string Words, TimeSpan? Wait, bool IsUnheard);
