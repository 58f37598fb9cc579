using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Relay.Delivery;
using Relay.Delivery.Connections;
using Relay.Delivery.Routing;
using Relay.Mail.Events;
using Relay.TestKit;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Connections;

public sealed class AddressRaceTests
{
    [Fact]
    public void Families_take_turns_and_at_most_four_addresses_are_tried()
    {
        var race = new AddressRace(new FakeTimeProvider());

        Assert.Equal(
            ["192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"],
            race.InOrder("mx.test", [.. ((string[])["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2"]).Select(IPAddress.Parse)]).Select(a => a.ToString()));
    }

    [Fact]
    public async Task An_address_that_swallows_everything_costs_a_quarter_of_a_second_and_only_once()
    {
        using var hole = new BlackHole("127.0.0.2");
        await using var good = ScriptedSmtpServer.Start(null, "127.0.0.3", hole.Port);
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "mx.test")).A("mx.test", "127.0.0.2", "127.0.0.3");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, hole.Port, ("Delivery:MessagesPerConnection", 1));
        await delivery.AcceptAsync("a@remote.test");
        await delivery.AdvanceUntilSettledAsync(TimeSpan.FromMilliseconds(50), () => good.Sessions.Count > 0);

        Assert.Equal((MailEventType.Delivered, $"127.0.0.3:{good.Port}"), (delivery.Queue.Settlements[0].Events[0].Type, delivery.Queue.Settlements[0].Events[0].Address));

        // Who won goes first the next time: no clock has to move for this one.
        var second = (await delivery.SendAsync("b@remote.test"))[0];
        Assert.Equal((MailEventType.Delivered, $"127.0.0.3:{good.Port}"), (second.Type, second.Address));
    }

    [Fact]
    public async Task An_address_that_connects_and_does_not_greet_leads_to_the_others()
    {
        await using var bad = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Greeting, RemoteAnswer.Say("421 4.3.2 No").ThenClose()), "127.0.0.2");
        await using var good = ScriptedSmtpServer.Start(null, "127.0.0.3", bad.Port);
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "mx.test")).A("mx.test", "127.0.0.2", "127.0.0.3");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, bad.Port);

        Assert.Equal($"127.0.0.3:{good.Port}", (await delivery.SendAsync("a@remote.test"))[0].Address);
        Assert.Single(bad.Sessions);
    }

    [Fact]
    public async Task Only_one_of_several_connections_is_greeted_and_the_others_come_again_when_it_fails()
    {
        var race = new AddressRace(new FakeTimeProvider());
        var places = new[] { "192.0.2.1", "192.0.2.2" }.Select(IPAddress.Parse).ToArray();
        var first = new TaskCompletionSource();
        var tries = new List<string>();

        var result = await race.RunAsync("mx.test", places, async (address, heat) =>
        {
            var place = new IPEndPoint(address, 25);
            tries.Add(address.ToString());
            if (address.Equals(places[0]) && tries.Count == 1)
            {
                // Connects first, and is refused when it is greeted.
                Assert.True(heat.TryWin(place));
                Assert.True(heat.Won.IsCancellationRequested);
                Assert.False(heat.TryWin(new IPEndPoint(places[1], 25)));
                await Task.Yield();
                first.SetResult();
            }

            return new Opened.Failed("421 No", "connection.unreachable", "mx.test", place.ToString());
        }, TestContext.Current.CancellationToken);

        Assert.True(first.Task.IsCompleted);
        Assert.Equal(["192.0.2.1", "192.0.2.2"], tries);
        Assert.Equal(2, result.Count);
    }

    [Fact]
    public async Task A_connection_that_comes_about_behind_a_mistake_of_ours_is_closed()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartAsync();
        var wire = await Wire.ConnectAsync(Connector.NewSocket(AddressFamily.InterNetwork), remote.EndPoint, null, TimeSpan.FromSeconds(30), TimeProvider.System, TestContext.Current.CancellationToken);
        var connection = new SmtpConnection(wire, new RouteHost("mx.test", remote.Port), remote.EndPoint, delivery.Part<DeliveryMetrics>(), delivery.Time);
        var (time, late) = (new FakeTimeProvider(), new TaskCompletionSource<Opened>());
        var places = new[] { "192.0.2.1", "192.0.2.2" }.Select(IPAddress.Parse).ToArray();

        var running = new AddressRace(time).RunAsync(
            "mx.test", places, async (address, _) => address.Equals(places[0]) ? await late.Task : throw new InvalidOperationException(TroubledTime.Words), TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromMilliseconds(250));
        await Assert.ThrowsAsync<InvalidOperationException>(running.AsTask);
        late.SetResult(new Opened.Ready(connection));

        await remote.WaitForClosedAsync(1, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task An_IPv6_address_serves_where_the_IPv4_address_does_not()
    {
        RealParts.Require(Socket.OSSupportsIPv6 && BlackHole.CanBind("::1"), "there is no IPv6 on this machine's loopback");
        await using var six = ScriptedSmtpServer.Start(null, "::1");
        await using var dns = ScriptedDns.Start().Mx("remote.test", (10, "mx.test")).A("mx.test", "127.0.0.2", "::1");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, six.Port);

        Assert.Equal($"[::1]:{six.Port}", (await delivery.SendAsync("a@remote.test"))[0].Address);
    }

    /// <summary>A port whose queue of connections is full and that nobody empties: what comes next gets no answer.</summary>
    private sealed class BlackHole : IDisposable
    {
        private readonly Socket _listener;
        private readonly List<Socket> _filling = [];

        public BlackHole(string address)
        {
            _listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            _listener.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
            _listener.Listen(0);
            for (var i = 0; i < 4; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                _filling.Add(socket);
                try
                {
                    socket.Connect(_listener.LocalEndPoint!);
                }
                catch (SocketException)
                {
                    // Under way, or without an answer: both is meant.
                }
            }
        }

        public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

        public static bool CanBind(string address)
        {
            try
            {
                using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }

        public void Dispose()
        {
            _listener.Dispose();
            _filling.ForEach(s => s.Dispose());
        }
    }
}
