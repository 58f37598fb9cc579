using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Relay.Delivery.Routing;

namespace Relay.Delivery.TlsPolicies;

/// <summary>
/// Gets a domain's policy over HTTPS (RFC 8461, 3.3): the certificate must prove <c>mta-sts.DOMAIN</c>, a redirect is a
/// failure, and neither the size nor the time is the server's to choose.
/// </summary>
internal sealed class StsFetcher(CheckedHttp http, TimeProvider time)
{
    // RFC 8461, 3.3 suggests both bounds; mail waits for the first fetch, so the time is shorter than the minute it names.
    private const int MaxOctets = 64 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Where policy servers listen; another port only makes sense in a test.</summary>
    public int Port { get; set; } = 443;

    public async Task<StsFetched> FetchAsync(string domain, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        try
        {
            using var response = await http.Client.GetAsync(
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
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException or UriFormatException)
        {
            return Failed(TlsTrouble.StsPolicyFetchError, $"the policy server could not be asked: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Failed(TlsTrouble.StsPolicyFetchError, "the policy server took too long");
        }
    }

    private static StsFetched Failed(TlsTrouble trouble, string words) => new(null, trouble, words);

    // Null when there is more than there may be.
    private static async Task<string?> ReadAsync(HttpContent content, CancellationToken cancellation)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellation);
        var octets = new byte[MaxOctets + 1];
        var length = await stream.ReadAtLeastAsync(octets, octets.Length, throwOnEndOfStream: false, cancellation);
        return length > MaxOctets ? null : Encoding.UTF8.GetString(octets, 0, length);
    }
}

/// <param name="Trouble">Null where there is a policy.</param>
internal sealed record StsFetched(StsPolicy? Policy, TlsTrouble? Trouble, string Words);
