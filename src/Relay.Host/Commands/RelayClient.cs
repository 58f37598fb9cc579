using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;

namespace Relay.Host.Commands;

/// <summary>Speaks to the HTTP API of a running relay, which <c>RELAY_URL</c> and <c>RELAY_KEY</c> name.</summary>
internal sealed class RelayClient : IDisposable
{
    public const string UrlVariable = "RELAY_URL";
    public const string KeyVariable = "RELAY_KEY";
    public const string DefaultUrl = "http://127.0.0.1:8080";

    private const string Json = "application/json";

    // A relay answers in milliseconds; whoever waits longer wants to be told.
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly HttpClient _http;
    private readonly Uri _url;
    private readonly string _key;

    private RelayClient(Uri url, string key)
    {
        _url = url;
        _key = key;
        _http = new HttpClient { BaseAddress = url, Timeout = Timeout };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    public static RelayClient FromEnvironment()
    {
        var url = UrlFromEnvironment();
        var key = Environment.GetEnvironmentVariable(KeyVariable)?.Trim();
        return string.IsNullOrEmpty(key)
                ? throw new CommandFailure(ExitCode.NoPermission, $"{KeyVariable} is not set; the relay printed a key when it first started, and 'relay key create' makes more")
            : key.Any(c => c is < ' ' or > '~')
                ? throw new CommandFailure(ExitCode.NoPermission, $"{KeyVariable} holds a line break or another character that no key has")
            : new RelayClient(url, key);
    }

    public static Uri UrlFromEnvironment()
    {
        var text = Environment.GetEnvironmentVariable(UrlVariable) is { Length: > 0 } given ? given : DefaultUrl;
        return Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var url) && url.Scheme is ("http" or "https")
            ? url
            : throw new CommandFailure(ExitCode.Usage, $"{UrlVariable} is '{text}', which is not an http or https URL");
    }

    public Task<JsonElement> GetAsync(string path, CancellationToken cancellation) =>
        AskAsync(HttpMethod.Get, path, null, cancellation);

    public Task<JsonElement> PostAsync(string path, string json, CancellationToken cancellation) =>
        PostTextAsync(path, json, Json, cancellation);

    /// <param name="type">The media type of the text.</param>
    public Task<JsonElement> PostTextAsync(string path, string text, string type, CancellationToken cancellation) =>
        AskAsync(HttpMethod.Post, path, new StringContent(text, Encoding.UTF8, type), cancellation);

    public Task<JsonElement> PutAsync(string path, string json, CancellationToken cancellation) =>
        AskAsync(HttpMethod.Put, path, new StringContent(json, Encoding.UTF8, Json), cancellation);

    public Task<JsonElement> DeleteAsync(string path, CancellationToken cancellation) =>
        AskAsync(HttpMethod.Delete, path, null, cancellation);

    /// <summary>The octets of an answer as they came.</summary>
    public async Task<byte[]> GetRawAsync(string path, CancellationToken cancellation)
    {
        using var response = await SendAsync(HttpMethod.Get, path, null, cancellation);
        return await response.Content.ReadAsByteArrayAsync(cancellation);
    }

    /// <summary>Writes the octets of an answer, however many, as they come.</summary>
    public async Task CopyAsync(string path, Stream output, CancellationToken cancellation)
    {
        using var response = await SendAsync(HttpMethod.Get, path, null, cancellation, HttpCompletionOption.ResponseHeadersRead);
        try
        {
            await response.Content.CopyToAsync(output, cancellation);
        }
        catch (HttpIOException)
        {
            throw new CommandFailure(ExitCode.Unavailable, "the relay broke off in the middle of its answer: what was printed is not all of it");
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<JsonElement> AskAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancellation)
    {
        using var response = await SendAsync(method, path, content, cancellation);
        var body = await response.Content.ReadAsByteArrayAsync(cancellation);
        return body.Length == 0 ? default : Parse(body);
    }

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, HttpContent? content, CancellationToken cancellation,
        HttpCompletionOption until = HttpCompletionOption.ResponseContentRead)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, until, cancellation);
        }
        catch (HttpRequestException e)
        {
            throw Unreachable(_url, e);
        }
        catch (TaskCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CommandFailure(ExitCode.Unavailable, $"the relay at {_url} did not answer within {Timeout.TotalSeconds:0} seconds");
        }

        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw Failure(response.StatusCode, await response.Content.ReadAsByteArrayAsync(cancellation));
        }
    }

    /// <summary>What went wrong in TLS, and where the URL led, only an inner exception says or only the outer one.</summary>
    public static CommandFailure Unreachable(Uri url, Exception exception)
    {
        var words = exception.InnerException is AuthenticationException ? exception.GetBaseException().Message : exception.Message;
        return new CommandFailure(ExitCode.Unavailable, $"no relay answers at {url} ({words}); {UrlVariable} names another one");
    }

    private CommandFailure Failure(HttpStatusCode status, byte[] body) => status switch
    {
        HttpStatusCode.Unauthorized =>
            new(ExitCode.NoPermission, $"the relay at {_url} does not know the key {Shown(_key)} ({KeyVariable}), or it was revoked"),
        HttpStatusCode.Forbidden => new(ExitCode.NoPermission, Words(status, body)),
        HttpStatusCode.ServiceUnavailable => new(ExitCode.Unavailable, Words(status, body)),
        _ => new(ExitCode.Refused, Words(status, body)) { IsConflict = status == HttpStatusCode.Conflict },
    };

    // Problem details (RFC 9457): the detail says what is wrong first, the errors name each field where several are.
    private static string Words(HttpStatusCode status, byte[] body)
    {
        var problem = body.Length > 0 && body[0] == '{' ? Parse(body) : default;
        var words = problem.Text("detail") ?? problem.Text("title") ?? $"the relay answered {(int)status}";
        if (problem.ValueKind == JsonValueKind.Object && problem.TryGetProperty("errors", out var errors) && errors.ValueKind == JsonValueKind.Object
            && errors.EnumerateObject().Skip(1).Any())
        {
            foreach (var field in errors.EnumerateObject())
            {
                words += $"{Environment.NewLine}  {field.Name}: {string.Join("; ", field.Value.Texts())}";
            }
        }

        // What could not be cancelled any more.
        foreach (var recipient in problem.Items("recipients"))
        {
            words += $"{Environment.NewLine}  {recipient.Text("email")}: {recipient.Text("status")}";
        }

        return words;
    }

    private static JsonElement Parse(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            throw new CommandFailure(ExitCode.Unavailable, "what answered is no relay: its answer is not JSON");
        }
    }

    // Enough to know which key it is, too little to use it.
    private static string Shown(string key) => key.Length > 16 ? key[..12] + "…" : "given";
}
