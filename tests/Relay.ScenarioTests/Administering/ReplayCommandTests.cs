using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Relay.TestKit.Relays;

namespace Relay.ScenarioTests.Administering;

/// <summary>A long time is replayed in parts, and none of them pushes out what waits. The relay is played: filling a real one takes long.</summary>
public sealed class ReplayCommandTests
{
    private const string Part = """{ "messages": 10000, "next": "2026-03-01T10:00:00Z" }""";
    private const string LastPart = """{ "messages": 5 }""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_next_part_is_asked_for_when_few_messages_wait()
    {
        using var relay = new PlayedRelay([Standing(20_000), Standing(20_000), Standing(10_000), Standing(15_000), Standing(9_000)], [Part, LastPart]);

        var ended = (await relay.ReplayAsync()).Succeeded();

        // Once to know what had given way before, and once behind it all.
        Assert.Equal("GET GET GET POST GET GET POST GET", string.Join(' ', relay.Asked));
        Assert.Equal("10005", ended.Output.Trim());
        Assert.Contains("20000 messages wait for it", ended.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_the_webhook_takes_nothing_it_ends_and_says_where_to_go_on()
    {
        using var relay = new PlayedRelay([Standing(0), Standing(0), Standing(15_000, "failing")], [Part, LastPart]);

        var ended = await relay.ReplayAsync();

        Assert.Equal("GET GET POST GET", string.Join(' ', relay.Asked));
        Assert.Equal(69, ended.ExitCode);
        Assert.Contains("--since 2026-03-01T10:00:00.0000000+00:00", ended.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_gave_way_all_the_same_is_told()
    {
        using var relay = new PlayedRelay([Standing(0, dropped: 2), Standing(0, dropped: 2), Standing(0, dropped: 9)], [LastPart]);

        var ended = await relay.ReplayAsync();

        Assert.Equal((1, "5"), (ended.ExitCode, ended.Output.Trim()));
        Assert.Contains("the events of 7 messages gave way", ended.Errors, StringComparison.Ordinal);
    }

    private static string Standing(int waiting, string state = "working", int dropped = 0) =>
        $$"""{ "id": "hook_1", "standing": { "state": "{{state}}", "waiting": {{waiting}}, "dropped": {{dropped}}, "lastError": "500" } }""";

    /// <summary>Answers what it is asked from two lists, of which the last line stays.</summary>
    private sealed class PlayedRelay : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly ConcurrentQueue<string> _asked = new();
        private readonly string _url = $"http://127.0.0.1:{FreePorts.Next()}/";

        public PlayedRelay(string[] standings, string[] parts)
        {
            _listener.Prefixes.Add(_url);
            _listener.Start();
            _ = AnswerAsync(new Queue<string>(standings), new Queue<string>(parts));
        }

        public IEnumerable<string> Asked => _asked;

        public Task<Ended> ReplayAsync() => ChildProcess.RunAsync(
            RelayUnderTest.Program,
            [.. RelayUnderTest.Arguments, "webhook", "replay", "hook_1", "--since", "2026-03-01T00:00:00Z"],
            Cancellation,
            environment: new Dictionary<string, string?> { ["RELAY_KEY"] = "rk_live_1", ["RELAY_URL"] = _url });

        public void Dispose() => _listener.Close();

        private async Task AnswerAsync(Queue<string> standings, Queue<string> parts)
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
                    _asked.Enqueue(context.Request.HttpMethod);
                    var answers = context.Request.HttpMethod == "GET" ? standings : parts;
                    await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(answers.Count > 1 ? answers.Dequeue() : answers.Peek()), Cancellation);
                    context.Response.Close();
                }
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or OperationCanceledException)
            {
                // The test is over.
            }
        }
    }
}
