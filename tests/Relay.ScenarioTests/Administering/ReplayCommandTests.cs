using System.Net;
using Relay.ScenarioTests.Harness;
using Relay.TestKit.Relays;

namespace Relay.ScenarioTests.Administering;

/// <summary>A long time is replayed in parts, and none of them pushes out what waits. The relay is played: filling a real one takes long.</summary>
public sealed class ReplayCommandTests
{
    private const string Part = """{ "messages": 10000, "next": "2026-03-01T10:00:00Z" }""";
    private const string LastPart = """{ "messages": 5 }""";
    private const string Full = """{ "status": 409, "detail": "8000 messages wait for this webhook" }""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_next_part_is_asked_for_when_few_messages_wait()
    {
        using var relay = Played([Standing(20_000), Standing(20_000), Standing(10_000), Standing(15_000), Standing(9_000)], [Part, LastPart]);

        var ended = (await ReplayAsync(relay)).Succeeded();

        // Once to know what had given way before, and once behind it all.
        Assert.Equal("GET GET GET POST GET GET POST GET", MethodsOf(relay));
        Assert.Equal("10005", ended.Output.Trim());
        Assert.Contains("20000 messages wait for it", ended.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_the_webhook_takes_nothing_it_ends_and_says_where_to_go_on()
    {
        using var relay = Played([Standing(0), Standing(0), Standing(15_000, "failing")], [Part, LastPart]);

        var ended = await ReplayAsync(relay);

        Assert.Equal("GET GET POST GET", MethodsOf(relay));
        Assert.Equal(69, ended.ExitCode);
        Assert.Contains("--since 2026-03-01T10:00:00.0000000+00:00", ended.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_there_is_no_room_for_any_of_it_it_waits_for_some()
    {
        using var relay = Played([Standing(8_000)], [Full, Full, LastPart]);

        var ended = (await ReplayAsync(relay)).Succeeded();

        Assert.Equal("GET GET POST GET POST GET POST GET", MethodsOf(relay));
        Assert.Equal("5", ended.Output.Trim());
        Assert.Equal("relay: 8000 messages wait for this webhook; it is asked again until there is\n", ended.Errors);
    }

    [Fact]
    public async Task Or_ends_where_there_will_be_none()
    {
        using var relay = Played([Standing(8_000, "failing")], [Full]);

        var ended = await ReplayAsync(relay);

        Assert.Equal((69, ""), (ended.ExitCode, ended.Output));
        Assert.Contains("--since 2026-03-01T00:00:00.0000000+00:00", ended.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_gave_way_all_the_same_is_told()
    {
        using var relay = Played([Standing(0, dropped: 2), Standing(0, dropped: 2), Standing(0, dropped: 9)], [LastPart]);

        var ended = await ReplayAsync(relay);

        Assert.Equal((1, "5"), (ended.ExitCode, ended.Output.Trim()));
        Assert.Contains("the events of 7 messages gave way", ended.Errors, StringComparison.Ordinal);
    }

    private static string Standing(int waiting, string state = "working", int dropped = 0) =>
        $$"""{ "id": "hook_1", "standing": { "state": "{{state}}", "waiting": {{waiting}}, "dropped": {{dropped}}, "lastError": "500" } }""";

    // Answers from two lists, of which the last line stays.
    private static PlayedRelay Played(string[] standings, string[] parts)
    {
        var (looks, posts) = (new Queue<string>(standings), new Queue<string>(parts));
        return new PlayedRelay(method =>
        {
            var answers = method == "GET" ? looks : posts;
            var answer = answers.Count > 1 ? answers.Dequeue() : answers.Peek();
            return (answer == Full ? HttpStatusCode.Conflict : HttpStatusCode.OK, answer);
        });
    }

    private static string MethodsOf(PlayedRelay relay) => string.Join(' ', relay.Asked.Select(asked => asked.Split(' ')[0]));

    private static Task<Ended> ReplayAsync(PlayedRelay relay) => relay.RunAsync(Cancellation, "webhook", "replay", "hook_1", "--since", "2026-03-01T00:00:00Z");
}
