using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using Relay.ScenarioTests.Harness;
using Relay.TestKit;
using Relay.TestKit.Redis;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Storing;

/// <summary>What clients are told at both doors while the store cannot take mail: the right word, in bounded time, and never a final no.</summary>
public sealed class StoreFaultAnswersTests
{
    // Far above the store's answer timeout, far below the patience of a mail client.
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public Task A_read_only_store() => AnswersAsync("451 4.3.0", r => Ask(r, "REPLICAOF", "127.0.0.1", "1"), r => Ask(r, "REPLICAOF", "NO", "ONE"));

    [Fact]
    public Task A_store_without_its_replicas() =>
        AnswersAsync("451 4.3.0", r => Ask(r, "CONFIG", "SET", "min-replicas-to-write", "1"), r => Ask(r, "CONFIG", "SET", "min-replicas-to-write", "0"));

    [Fact]
    public Task A_store_without_memory() =>
        AnswersAsync("452 4.3.1", r => Ask(r, "CONFIG", "SET", "maxmemory", "1mb"), r => Ask(r, "CONFIG", "SET", "maxmemory", "0"));

    [Fact]
    public Task A_store_that_cannot_save() => AnswersAsync(
        "451 4.3.0", FailToSaveAsync, r => Ask(r, "CONFIG", "SET", "stop-writes-on-bgsave-error", "no"), "--dbfilename", "folder.rdb");

    [Fact]
    public Task A_store_that_stands_still() => AnswersAsync("451 4.3.0", Do(r => r.Pause()), Do(r => r.Continue()));

    [Fact]
    public Task A_store_that_is_gone() => AnswersAsync("451 4.3.0", r => r.KillAsync(), r => r.StartAgainAsync(Cancellation));

    // Each command in it takes a while to load; after each thousand it answers.
    [Fact]
    public Task A_store_that_loads_its_file() => AnswersAsync(
        "451 4.3.0",
        async r =>
        {
            await Ask(r, "EVAL", "for i = 1, 12000 do redis.call('SET', 'filler', i) end", "0");
            await r.KillAsync();
            await r.LaunchAsync(Cancellation);
        },
        _ => Task.CompletedTask,
        "--key-load-delay", "1000");

    [Fact]
    public async Task A_store_that_was_emptied_takes_no_mail_and_is_not_taken_for_a_new_one()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var relay = await StartAsync(redis, 9);

        await Ask(redis, "FLUSHALL");

        await Poll.UntilAsync(
            async () => !(await relay.Http.GetAsync("/health/ready", Cancellation)).IsSuccessStatusCode
                && relay.Output.Contains("The store was emptied while the relay ran", StringComparison.Ordinal),
            Cancellation,
            () => relay.Output);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await SendAsync(relay)).StatusCode);
        Assert.StartsWith("451 4.3.0", await SubmitAsync(relay), StringComparison.Ordinal);

        await relay.StopAsync(Cancellation);
        var again = relay.Launch();
        Assert.NotEqual(0, await again.WaitAsync(TimeSpan.FromSeconds(60), Cancellation));
        Assert.Contains("The store is empty, but this relay has kept mail in it", again.Output + again.Errors, StringComparison.Ordinal);
        await again.DisposeAsync();
    }

    private static async Task AnswersAsync(string smtp, Func<RedisServer, Task> cause, Func<RedisServer, Task> mend, params string[] settings)
    {
        await using var redis = await RedisServer.StartAsync(Cancellation, "always", settings);
        await using var remote = ScriptedSmtpServer.Start();
        await using var relay = await StartAsync(redis, remote.Port);
        Assert.Equal(HttpStatusCode.Accepted, (await SendAsync(relay)).StatusCode);
        await remote.WaitForMessagesAsync(1, Cancellation);

        await cause(redis);
        var watch = Stopwatch.StartNew();
        var http = SendAsync(relay);
        Assert.StartsWith(smtp, await SubmitAsync(relay), StringComparison.Ordinal);
        using var refused = await http;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10));
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, Bound);

        await mend(redis);
        await Poll.UntilAsync(async () => (await SendAsync(relay)).StatusCode == HttpStatusCode.Accepted, Cancellation, () => relay.Output);
    }

    private static Task<RelayUnderTest> StartAsync(RedisServer redis, int port) =>
        RelayUnderTest.StartAsync(Cancellation, new RelaySetup().WithRoute(port).With("Redis", redis.ConnectionString));

    private static Task<HttpResponseMessage> SendAsync(RelayUnderTest relay) =>
        relay.Http.PostAsJsonAsync("/send", new { from = "a@sender.test", to = "b@remote.test", subject = "x", text = "x" }, Cancellation);

    // The first reply that is a no, wherever in the dialogue; the last where there is none.
    private static async Task<string> SubmitAsync(RelayUnderTest relay)
    {
        try
        {
            await using var client = await Submitter.ConnectAsync(relay, Cancellation);
            return await client.SubmitAsync("a@sender.test", ["b@remote.test"], Encoding.ASCII.GetBytes("From: a@sender.test\r\nSubject: x\r\n\r\nx\r\n"), Cancellation);
        }
        catch (IOException e)
        {
            const string Answered = "was answered with '";
            return e.Message.Contains(Answered, StringComparison.Ordinal) ? e.Message.Split(Answered)[1].TrimEnd('\'') : e.Message;
        }
    }

    // The file to be written is a folder.
    private static async Task FailToSaveAsync(RedisServer redis)
    {
        Directory.CreateDirectory(Path.Combine(redis.Folder, "folder.rdb", "not-empty"));
        await Ask(redis, "CONFIG", "SET", "save", "3600 1000000");
        await Ask(redis, "BGSAVE");
        await Poll.UntilAsync(
            async () => (await redis.AskAsync(Cancellation, "INFO", "persistence")).Contains("rdb_last_bgsave_status:err", StringComparison.Ordinal), Cancellation);
    }

    private static Task Ask(RedisServer redis, params string[] words) => redis.AskAsync(Cancellation, words);

    private static Func<RedisServer, Task> Do(Action<RedisServer> act) => redis =>
    {
        act(redis);
        return Task.CompletedTask;
    };
}
