using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Relay.TestKit.Redis;
using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Sharing;

/// <summary>Several relays on one Redis, as processes of their own: whatever becomes of one of them, its mail arrives.</summary>
public sealed class SeveralRelaysTests : IAsyncLifetime
{
    private const int Partitions = 16;

    // How long a lease lasts: short where others wait for its end, and where it is only given back or handed on as long as it takes
    // that a machine under load, which halts for seconds, loses none.
    private const string Expired = "00:00:03";
    private const string Given = "00:00:15";

    private readonly ScriptedSmtpServer _remote = ScriptedSmtpServer.Start();
    private RedisServer _redis = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _redis = await RedisServer.StartAsync(Cancellation);

    public async ValueTask DisposeAsync()
    {
        await _remote.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Fact]
    public async Task Three_relays_share_evenly_and_the_mail_of_one_that_is_killed_is_delivered_by_the_others()
    {
        await using var first = await StartAsync(Expired);
        await using var second = await StartAsync(Expired);
        await using var third = await StartAsync(Expired);
        await SharedAsync(first, 3);
        await using var load = Load.Start(first, second);
        await MoreArriveAsync();

        await third.KillAsync();
        await SharedAsync(first, 2);
        await MoreArriveAsync();
        await load.StopAsync();

        await AllArrivedAsync(load, first);
    }

    [Fact]
    public async Task A_relay_that_stops_in_order_under_load_loses_nothing_and_doubles_nothing()
    {
        await using var first = await StartAsync(Given);
        await using var second = await StartAsync(Given);
        await SharedAsync(first, 2);
        await using var load = Load.Start(first);
        await MoreArriveAsync();

        Assert.Equal(0, await second.StopAsync(Cancellation));
        await SharedAsync(first, 1);
        await second.StartAgainAsync(Cancellation);
        await SharedAsync(first, 2);
        await MoreArriveAsync();
        await load.StopAsync();

        await AllArrivedAsync(load, first);
        var subjects = _remote.Messages.Select(Load.SubjectOf).ToList();
        Assert.Equal(subjects.Count, subjects.Distinct().Count());
    }

    [Fact]
    public async Task A_relay_that_is_paused_past_its_leases_and_goes_on_makes_no_copy_that_is_not_admitted()
    {
        await using var first = await StartAsync(Expired);
        await using var second = await StartAsync(Expired);
        await SharedAsync(first, 2);
        await using var load = Load.Start(first);
        await MoreArriveAsync();

        second.Pause();
        await SharedAsync(first, 1);
        second.Continue();
        await SharedAsync(first, 2);
        await MoreArriveAsync();
        await load.StopAsync();

        await AllArrivedAsync(load, first);
    }

    [Fact]
    public async Task A_relay_that_only_takes_mail_wakes_those_that_only_deliver()
    {
        await using var door = await StartAsync(Given, "intake");
        await using var first = await StartAsync(Given, "delivery");
        await using var second = await StartAsync(Given, "delivery");
        await SharedAsync(door, 2);
        await using var load = Load.Start(door);

        await _remote.WaitForMessagesAsync(100, Cancellation);
        await load.StopAsync();

        await AllArrivedAsync(load, door);
        Assert.Equal(_remote.Messages.Count, load.Accepted.Count);
        var nodes = (await door.CommandAsync(Cancellation, null, "queue", "nodes")).Output;
        Assert.Equal(3, nodes.Trim().Split('\n').Length);
        Assert.Contains("\tintake\t", nodes, StringComparison.Ordinal);
        Assert.Equal(2, nodes.Split("\tdelivery\t").Length - 1);
    }

    private async Task<RelayUnderTest> StartAsync(string lease, params string[] roles)
    {
        var setup = new RelaySetup()
            .WithRoute(_remote.Port)
            .With("Redis", _redis.ConnectionString)
            .With("Queue:Lease", lease)
            .With("Delivery:Retry:Schedule", new JsonArray("00:00:01"));
        return await RelayUnderTest.StartAsync(
            Cancellation, roles.Length == 0 ? setup : setup.With("Roles", new JsonArray([.. roles.Select(r => (JsonNode)r)])));
    }

    private Task MoreArriveAsync() => _remote.WaitForMessagesAsync(_remote.Messages.Count + 50, Cancellation);

    /// <summary>Waits until so many relays own all partitions evenly.</summary>
    private static async Task SharedAsync(RelayUnderTest door, int relays) => await door.WaitForAsync(
        "/queue/nodes",
        overview =>
        {
            var shares = overview.GetProperty("items").EnumerateArray().Select(n => n.GetProperty("partitions").GetArrayLength()).Where(n => n > 0).ToList();
            return shares.Count == relays && shares.Sum() == Partitions && shares.Max() - shares.Min() <= 1;
        },
        Cancellation);

    /// <summary>What was accepted has arrived and is told as delivered; a second copy only where an uncertain attempt explains it.</summary>
    private async Task AllArrivedAsync(Load load, RelayUnderTest door)
    {
        Assert.NotEmpty(load.Accepted);
        foreach (var (subject, id) in load.Accepted)
        {
            var message = await door.WaitForAsync(
                $"/messages/{id}", m => m.GetProperty("recipients")[0].GetProperty("status").GetString() == "delivered", Cancellation);
            var copies = _remote.Messages.Count(m => Load.SubjectOf(m) == subject);
            var types = message.GetProperty("timeline").EnumerateArray().Select(e => e.GetProperty("type").GetString()).ToList();
            Assert.Equal(1, types.Count(t => t == "delivered"));
            Assert.InRange(copies, 1, 1 + types.Count(t => t == "uncertain"));
        }
    }

    /// <summary>Clients that send one mail after the other by HTTP until they are stopped.</summary>
    private sealed class Load : IAsyncDisposable
    {
        private const int Clients = 4;

        private readonly CancellationTokenSource _stop = new();
        private Task _running = Task.CompletedTask;

        /// <summary>The ids by subject.</summary>
        public ConcurrentDictionary<string, string> Accepted { get; } = new();

        public static Load Start(params RelayUnderTest[] doors)
        {
            var load = new Load();
            load._running = Task.WhenAll(Enumerable.Range(0, Clients).Select(client => load.SendAsync(doors[client % doors.Length], client)));
            return load;
        }

        public static string SubjectOf(ReceivedMail mail) =>
            Encoding.UTF8.GetString(mail.Wire).Split("\r\n").First(line => line.StartsWith("Subject: ", StringComparison.Ordinal))[9..];

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await _running;
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            _stop.Dispose();
        }

        private async Task SendAsync(RelayUnderTest door, int client)
        {
            for (var number = 0; !_stop.IsCancellationRequested; number++)
            {
                var subject = $"{client}-{number}";
                using var answer = await door.Http.PostAsJsonAsync(
                    "/send", new { from = "a@sender.test", to = $"b@d{number % 7}.test", subject, text = "x" }, CancellationToken.None);
                if (answer.StatusCode == HttpStatusCode.Accepted)
                {
                    Accepted[subject] = JsonElement.Parse(await answer.Content.ReadAsStringAsync(CancellationToken.None)).GetProperty("id").GetString()!;
                }

                // A load that two cores carry beside all else.
                await Task.Delay(10, CancellationToken.None);
            }
        }
    }
}
