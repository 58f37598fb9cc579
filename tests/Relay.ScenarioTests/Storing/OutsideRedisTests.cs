using System.Net;
using System.Text.Json;
using Relay.ScenarioTests.Harness;
using Relay.TestKit;
using Relay.TestKit.Redis;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Storing;

public sealed class OutsideRedisTests
{
    private static readonly object Mail = new { from = "a@sender.test", to = "b@remote.test", subject = "x", text = "y" };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("always", "power-safe")]
    [InlineData("everysec", "crash-safe")]
    public async Task The_promise_is_read_from_its_settings(string appendFsync, string promise)
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, appendFsync);
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup().With("Redis", redis.ConnectionString));

        var ready = await relay.GetAsync("/health", Cancellation);

        Assert.Equal(promise, ready.GetProperty("store").GetProperty("promise").GetString());
    }

    [Theory]
    [InlineData("--appendonly", "no")]
    [InlineData("--maxmemory-policy", "allkeys-lru")]
    public async Task A_redis_that_would_lose_mail_is_refused_in_one_message(string name, string value)
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "always", name, value);
        var folder = Directory.CreateTempSubdirectory("relay-refused-").FullName;

        var ended = await ChildProcess.RunAsync(
            RelayUnderTest.Program,
            RelayUnderTest.Arguments,
            Cancellation,
            folder,
            new Dictionary<string, string?>
            {
                ["Relay__Redis"] = redis.ConnectionString,
                ["Relay__Http__Port"] = "0",
                ["Relay__Submission__Listeners__0__Port"] = "0",
            });

        Directory.Delete(folder, recursive: true);
        Assert.Equal(69, ended.ExitCode);
        Assert.StartsWith("relay: ", ended.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", ended.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_it_is_away_the_relay_is_not_ready_and_says_no_in_time_and_then_goes_on()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var remote = ScriptedSmtpServer.Start();
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup().WithRoute(remote.Port).With("Redis", redis.ConnectionString));

        await redis.KillAsync();
        await StatusAsync(relay, HttpStatusCode.ServiceUnavailable);
        using (var refused = await System.Net.Http.Json.HttpClientJsonExtensions.PostAsJsonAsync(relay.Http, "/send", Mail, Cancellation))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        await redis.StartAgainAsync(Cancellation);
        await relay.WaitUntilReadyAsync(Cancellation);
        await relay.SendAsync(Mail, Cancellation);
        Assert.Single(await remote.WaitForMessagesAsync(1, Cancellation));
    }

    [Fact]
    public async Task Doors_and_delivery_may_be_processes_of_their_own()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var remote = ScriptedSmtpServer.Start();
        var shared = new RelaySetup().WithRoute(remote.Port).With("Redis", redis.ConnectionString);
        await using var delivery = await RelayUnderTest.StartAsync(Cancellation, shared.With("Roles", new System.Text.Json.Nodes.JsonArray("delivery", "feedback")));
        await using var doors = await RelayUnderTest.StartAsync(Cancellation, shared.With("Roles", new System.Text.Json.Nodes.JsonArray("intake")));

        var sent = await doors.SendAsync(Mail, Cancellation);

        Assert.Single(await remote.WaitForMessagesAsync(1, Cancellation));
        await doors.WaitForAsync($"/messages/{sent.GetProperty("id").GetString()}", Delivered, Cancellation);
        using var noDoor = await delivery.Http.GetAsync("/messages", Cancellation);
        Assert.Equal(HttpStatusCode.NotFound, noDoor.StatusCode);
    }

    private static bool Delivered(JsonElement message) => message.GetProperty("recipients")[0].GetProperty("status").GetString() == "delivered";

    private static Task StatusAsync(RelayUnderTest relay, HttpStatusCode status) => Poll.UntilAsync(
        async () =>
        {
            using var response = await relay.Http.GetAsync("/health/ready", Cancellation);
            return response.StatusCode == status;
        },
        Cancellation,
        () => relay.Output);
}
