using Relay.ScenarioTests.Harness;

namespace Relay.ScenarioTests.Administering;

/// <summary>No list ends at a terminal, or in a pipe, as if it were all there is. The relay is played.</summary>
public sealed class LongListsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("inbox", "/inbox?limit=2&cursor=c1", "inbox")]
    [InlineData("suppressions", "/suppressions?limit=2&cursor=c1", "suppression", "list")]
    [InlineData("templates", "/templates?limit=2&cursor=c1", "template", "list")]
    [InlineData("a lane", "/queue/lanes/shop.example/default/bulk?limit=2&cursor=c1", "queue", "show", "shop.example/default/bulk")]
    public async Task A_page_says_on_the_side_that_there_are_more_and_how_to_see_them(string what, string asked, params string[] words)
    {
        using var relay = new PlayedRelay("""{ "items": [{ "id": "one", "message": "one", "email": "one" }, { "id": "two", "message": "two", "email": "two" }], "next": "c2" }""");

        var ended = (await relay.RunAsync(Cancellation, [.. words, "--limit", "2", "--cursor", "c1"])).Succeeded();

        Assert.Equal($"GET {asked}", Assert.Single(relay.Asked));
        Assert.Equal("relay: There are more: --cursor c2\n", ended.Errors);
        Assert.True(2 == ended.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length, $"{what}: {ended.Output}");
    }

    [Theory]
    [InlineData("inbox")]
    [InlineData("suppression", "list")]
    public async Task The_last_page_says_nothing(params string[] words)
    {
        using var relay = new PlayedRelay("""{ "items": [{ "id": "one", "email": "one" }], "next": null }""");

        var ended = (await relay.RunAsync(Cancellation, words)).Succeeded();

        Assert.Equal("", ended.Errors);
    }

    [Theory]
    [InlineData("""{ "depth": 90, "exact": true, "lanes": [{ "lane": "a.test/default/bulk", "depth": 50 }, { "lane": "b.test/default/bulk", "depth": 10 }] }""", "relay: These are the 2 longest lanes, with 60 of 90 units.\n")]
    [InlineData("""{ "depth": 60, "exact": true, "lanes": [{ "lane": "a.test/default/bulk", "depth": 50 }, { "lane": "b.test/default/bulk", "depth": 10 }] }""", "")]
    [InlineData("""{ "depth": 90, "exact": false, "lanes": [{ "lane": "a.test/default/bulk", "depth": 50 }] }""", "relay: There are too many lanes to look at each: those that are due first, of 90 units in all.\n")]
    public async Task A_queue_of_more_lanes_than_are_shown_says_so(string queue, string told)
    {
        using var relay = new PlayedRelay(queue);

        var ended = (await relay.RunAsync(Cancellation, "queue", "list")).Succeeded();

        Assert.Equal(told, ended.Errors);
        Assert.All(ended.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Contains("/default/bulk\t", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_preview_says_how_much_of_it_is_shown()
    {
        using var relay = new PlayedRelay("""{ "units": 30, "exact": true, "lanes": [{ "lane": "a.test/default/bulk", "depth": 30 }], "items": [{ "message": "one" }, { "message": "two" }] }""");

        var ended = (await relay.RunAsync(Cancellation, "queue", "retry", "--domain", "a.test", "--preview")).Succeeded();

        Assert.Equal("relay: Shown are 2 of them.\n", ended.Errors);
    }
}
