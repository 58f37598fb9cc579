using System.Text.Json;
using System.Text.RegularExpressions;
using Relay.ScenarioTests.Harness;
using Relay.TestKit;

namespace Relay.ScenarioTests.Starting;

public sealed partial class FirstStartTests
{
    // Nobody has configured anything, an admin key included.
    private static readonly RelaySetup Fresh = new() { AdminKey = null };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_lines_it_prints_work_when_pasted()
    {
        RealParts.Require("curl");
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, Fresh);
        var banner = await BannerAsync(relay);

        var sends = PastedLines(banner).Where(line => line.Contains("/send ", StringComparison.Ordinal) || line.Contains("smtp", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, sends.Count);
        foreach (var line in sends)
        {
            (await ChildProcess.PasteAsync(line, Cancellation, relay.Folder)).Succeeded();
        }

        var key = TestKey().Match(banner).Value;
        await relay.WaitForAsync("/inbox", inbox => inbox.GetProperty("items").GetArrayLength() == 2, Cancellation, key);

        var reads = PastedLines(banner).Except(sends).ToList();
        Assert.Equal(2, reads.Count);
        foreach (var line in reads)
        {
            var read = (await ChildProcess.PasteAsync(line, Cancellation, relay.Folder)).Succeeded();
            Assert.Contains("Hello by HTTP", read.Output, StringComparison.Ordinal);
            Assert.Contains("Hello by SMTP", read.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_keys_go_to_the_terminal_and_never_into_the_log()
    {
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, Fresh);
        await BannerAsync(relay);
        await relay.StopAsync(Cancellation);

        // In Production each line of the log is one JSON object.
        var log = relay.Output.Split('\n').Where(line => line.StartsWith('{')).ToList();
        Assert.DoesNotContain(log, line => AnyKey().IsMatch(line));
        Assert.DoesNotMatch(AnyKey(), relay.Errors);
    }

    [Fact]
    public async Task A_later_start_prints_no_keys_and_the_old_ones_still_work()
    {
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, Fresh);
        var keys = AnyKey().Matches(await BannerAsync(relay)).Select(m => m.Value).Distinct().ToList();
        Assert.Equal(2, keys.Count);

        Assert.Equal(0, await relay.StopAsync(Cancellation));
        await relay.StartAgainAsync(Cancellation);

        foreach (var key in keys)
        {
            await relay.GetAsync("/messages", Cancellation, key);
        }

        await WaitForOutputAsync(relay, "Relay runs: ");
        Assert.DoesNotMatch(AnyKey(), relay.Output);
    }

    [Fact]
    public async Task With_an_admin_key_none_is_made()
    {
        await using var relay = await RelayUnderTest.StartAsync(Cancellation);

        await WaitForOutputAsync(relay, "Relay runs: ");
        Assert.DoesNotMatch(AnyKey(), relay.Output);
        Assert.Equal(0, (await relay.GetAsync("/keys", Cancellation)).GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task Ready_says_what_the_store_promises_and_where_it_listens()
    {
        await using var relay = await RelayUnderTest.StartAsync(Cancellation);

        var ready = await relay.GetAsync("/health/ready", Cancellation);

        Assert.Equal("ready", ready.GetProperty("status").GetString());
        Assert.Equal("power-safe", ready.GetProperty("store").GetProperty("promise").GetString());
        Assert.NotEmpty(ready.GetProperty("store").GetProperty("sentence").GetString()!);
        Assert.Equal(
            [relay.HttpPort, relay.PlainPort, relay.StartTlsPort, relay.ImplicitTlsPort],
            ready.GetProperty("listeners").EnumerateArray().Select(l => int.Parse(l.GetProperty("address").GetString()!.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task Metrics_and_the_description_of_the_api_are_there()
    {
        await using var relay = await RelayUnderTest.StartAsync(Cancellation);
        var key = await relay.CreateKeyAsync("test", Cancellation);
        await relay.SendAsync(new { from = "a@example.com", to = "b@example.com", subject = "x", text = "y" }, Cancellation, key);

        var metrics = await relay.Http.GetStringAsync("/metrics", Cancellation);
        Assert.Contains("relay_accepted", metrics, StringComparison.Ordinal);
        var openApi = JsonElement.Parse(await relay.Http.GetStringAsync("/openapi/v1.json", Cancellation));
        Assert.True(openApi.GetProperty("paths").TryGetProperty("/send", out var send));
        Assert.Equal("key", Assert.Single(send.GetProperty("post").GetProperty("security")[0].EnumerateObject()).Name);
        Assert.Equal("Idempotency-Key", send.GetProperty("post").GetProperty("parameters")[0].GetProperty("name").GetString());
        var schemas = openApi.GetProperty("components").GetProperty("schemas");
        Assert.Equal(2, schemas.GetProperty("AddressInput").GetProperty("oneOf").GetArrayLength());
        Assert.NotEmpty(schemas.GetProperty("SendRequest").GetProperty("properties").GetProperty("sendAt").GetProperty("description").GetString()!);

        // The example is shown to be copied, so it works.
        var example = schemas.GetProperty("SendRequest").GetProperty("examples")[0];
        await relay.SendAsync(example, Cancellation, key);
        Assert.Contains("<html", await relay.Http.GetStringAsync("/scalar", Cancellation), StringComparison.OrdinalIgnoreCase);
    }

    private static async Task<string> BannerAsync(RelayUnderTest relay) => await WaitForOutputAsync(relay, " inbox\n");

    private static async Task<string> WaitForOutputAsync(RelayUnderTest relay, string text)
    {
        // The banner follows the moment in which the relay is ready.
        await Poll.UntilAsync(() => relay.Output.Contains(text, StringComparison.Ordinal), Cancellation, () => relay.Output);
        return relay.Output;
    }

    // Lines for the shell stand alone, behind four spaces.
    private static List<string> PastedLines(string banner) =>
        [.. banner.Split('\n').Select(line => line.Trim()).Where(line => Pasted().IsMatch(line))];

    [GeneratedRegex("^(curl|printf|RELAY_)")]
    private static partial Regex Pasted();

    [GeneratedRegex("rk_test_[A-Za-z0-9_-]+")]
    private static partial Regex TestKey();

    [GeneratedRegex("rk_(live|test)_[A-Za-z0-9_-]{32}")]
    private static partial Regex AnyKey();
}
