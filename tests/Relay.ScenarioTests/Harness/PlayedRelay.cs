using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Relay.TestKit.Relays;

namespace Relay.ScenarioTests.Harness;

/// <summary>Answers commands in a relay's stead, where a real one could only be brought to it in a long time.</summary>
internal sealed class PlayedRelay : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<string> _asked = new();
    private readonly string _url = $"http://127.0.0.1:{FreePorts.Next()}/";

    /// <param name="answer">What a request with this method is answered.</param>
    public PlayedRelay(Func<string, (HttpStatusCode Status, string Json)> answer)
    {
        _listener.Prefixes.Add(_url);
        _listener.Start();
        _ = AnswerAsync(answer);
    }

    /// <summary>Always the same.</summary>
    public PlayedRelay(string json)
        : this(_ => (HttpStatusCode.OK, json))
    {
    }

    /// <summary>Method and path of each request.</summary>
    public IReadOnlyCollection<string> Asked => _asked;

    public Task<Ended> RunAsync(CancellationToken cancellation, params string[] words) => ChildProcess.RunAsync(
        RelayUnderTest.Program,
        [.. RelayUnderTest.Arguments, .. words],
        cancellation,
        environment: new Dictionary<string, string?> { ["RELAY_KEY"] = "rk_live_1", ["RELAY_URL"] = _url });

    public void Dispose() => _listener.Close();

    private async Task AnswerAsync(Func<string, (HttpStatusCode Status, string Json)> answer)
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                _asked.Enqueue($"{context.Request.HttpMethod} {context.Request.RawUrl}");
                var (status, json) = answer(context.Request.HttpMethod);
                context.Response.StatusCode = (int)status;
                await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(json));
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
