using System.Net;
using System.Net.Sockets;
using DnsClient;
using Relay.Delivery.Connections;
using Relay.Delivery.Routing;
using Relay.Delivery.Scheduling;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Connections;

/// <summary>What this machine lacks is nobody else's fault: neither the mail's, nor the host's.</summary>
public sealed class OwnMeansTests
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("files", "this machine has no socket left for it (TooManyOpenSockets)")]
    [InlineData("spare files", "this machine has no more files for connections than it keeps for everything else")]
    [InlineData("network", "this machine has no way to the network")]
    public async Task Mail_waits_for_it_without_an_attempt_and_no_host_is_blamed(string what, string words)
    {
        await using var remote = ScriptedSmtpServer.Start();
        var lack = new Lack(what);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(
            remote, ("Delivery:Routes:0:Host", lack.Host), ("Delivery:Timeouts:Connect", "01:00:00"));
        var message = A.Message(delivery.Time, "a@remote.test");
        var lane = new Lane("remote.test", message.Account, message.Class);

        lack.Begin(delivery);
        await delivery.AcceptAsync(message);
        for (var i = 0; i < 40; i++)
        {
            await WaitUntil.TrueAsync(() => delivery.Part<NodePause>().IsOn);
            Assert.Contains(words, delivery.Part<DeliveryDesk>().WhyNotNow(lane), StringComparison.Ordinal);
            delivery.Time.Advance(LongestPause);
        }

        Assert.Empty(delivery.Queue.Settlements);
        lack.End(delivery);
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(delivery.Part<NodePause>().IsOn ? LongestPause : TimeSpan.Zero);
            return delivery.Queue.Settlements.Count == 1;
        });

        var settled = delivery.Queue.Settlements[0].Events[0];
        Assert.Equal(lack.IsMended ? (MailEventType.Delivered, 1) : (MailEventType.Deferred, 1), (settled.Type, settled.Attempt));
        Assert.Null(delivery.Part<DeliveryDesk>().WhyNotNow(lane));
        Assert.DoesNotContain(delivery.Log, line => line.StartsWith("Error", StringComparison.Ordinal));

        // Once a minute at the most, whoever is looking at the log.
        Assert.InRange(delivery.Log.Count(line => line.Contains("No new connections are made for a while", StringComparison.Ordinal)), 1, 21);
    }

    [Fact]
    public async Task Ports_that_are_all_in_use_towards_one_host_keep_nobody_from_another()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var other = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(
            remote,
            ("Delivery:Timeouts:Connect", "01:00:00"),
            ("Delivery:Routes:1:Domain", "other.test"), ("Delivery:Routes:1:Host", "127.0.0.1"), ("Delivery:Routes:1:Port", other.Port), ("Delivery:Routes:1:Tls", "None"));

        // Two of one port to one place cannot be.
        using var first = Bound(0);
        first.Connect(IPAddress.Loopback, remote.Port);
        var only = ((IPEndPoint)first.LocalEndPoint!).Port;
        var tries = 0;
        delivery.Part<Connector>().Sockets = _ =>
        {
            Interlocked.Increment(ref tries);
            return Bound(only);
        };
        var waiting = await delivery.AcceptAsync("a@remote.test");
        var lane = new Lane("remote.test", waiting.Account, waiting.Class);
        await WaitUntil.TrueAsync(() => delivery.Part<DeliveryDesk>().WhyNotNow(lane) == $"this machine has no local port left towards 127.0.0.1:{remote.Port}");
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(TimeSpan.FromSeconds(1));
            return Volatile.Read(ref tries) > 20;
        });

        Assert.False(delivery.Part<NodePause>().IsOn);
        Assert.Empty(delivery.Queue.Settlements);
        var delivered = (await delivery.SendAsync("b@other.test"))[0];
        Assert.Equal((MailEventType.Delivered, 1), (delivered.Type, delivered.Attempt));
        Assert.InRange(
            delivery.Log.Count(line => line.StartsWith("Warning", StringComparison.Ordinal) && line.Contains("no local port left", StringComparison.Ordinal)),
            1,
            1 + (int)(delivery.Time.GetUtcNow() - DeliveryUnderTest.Began).TotalMinutes);

        delivery.Part<Connector>().Sockets = Connector.NewSocket;
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(delivery.Part<DeliveryDesk>().WhyNotNow(lane) is null ? TimeSpan.Zero : TimeSpan.FromSeconds(1));
            return delivery.Queue.Settlements.Count == 2;
        });

        var late = delivery.Queue.Settlements[1].Events[0];
        Assert.Equal((MailEventType.Delivered, 1), (late.Type, late.Attempt));
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(TimeSpan.FromSeconds(1));
            return delivery.Part<DeliveryDesk>().WhyNotNow(lane) is null;
        });
    }

    private static Socket Bound(int local)
    {
        var socket = Connector.NewSocket(AddressFamily.InterNetwork);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, local));
        return socket;
    }

    [Fact]
    public async Task Nor_does_it_cost_one_where_only_the_question_for_its_host_cannot_be_asked()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start();
        dns.Mx("a.test", (10, "mx.a.test")).A("mx.a.test", "127.0.0.1");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port);
        var resolver = delivery.Part<Resolver>();
        var ask = resolver.Query;
        resolver.Query = (_, _) => throw new DnsResponseException(DnsResponseCode.Unassigned, "as the client says it", new SocketException((int)SocketError.TooManyOpenSockets));

        await delivery.AcceptAsync("a@a.test");
        for (var i = 0; i < 10; i++)
        {
            await WaitUntil.TrueAsync(() => delivery.Part<NodePause>().IsOn);
            delivery.Time.Advance(LongestPause);
        }

        resolver.Query = ask;
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(delivery.Part<NodePause>().IsOn ? LongestPause : TimeSpan.Zero);
            return delivery.Queue.Settlements.Count == 1;
        });

        Assert.Equal((MailEventType.Delivered, 1), (delivery.Queue.Settlements[0].Events[0].Type, delivery.Queue.Settlements[0].Events[0].Attempt));
    }

    [Fact]
    public async Task What_is_connected_goes_on_and_is_allowed_no_less_than_before()
    {
        var go = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, m => m.Count == 1 ? RemoteAnswer.Say("250 Ok").After(go.Task) : null));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.AcceptAsync("a@remote.test");
        await WaitUntil.TrueAsync(() => remote.Sessions is [{ Commands.Count: > 3 }]);
        Refuse(delivery);

        await delivery.AcceptAsync("b@remote.test");
        await WaitUntil.TrueAsync(() => delivery.Part<NodePause>().IsOn);
        var limit = Assert.Single(delivery.Part<Relay.Mail.Sites.ISiteReader>().List()).Limit;
        go.SetResult();
        await delivery.SettledAsync(2);

        Assert.Equal(2, limit);
        Assert.All(delivery.Queue.Settlements, s => Assert.Equal((MailEventType.Delivered, 1), (s.Events[0].Type, s.Events[0].Attempt)));
        Assert.Single(remote.Sessions);
    }

    [Fact]
    public async Task A_connection_that_nobody_uses_gives_way_to_mail_that_needs_one()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var other = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(
            remote, ("Delivery:Routes:1:Domain", "other.test"), ("Delivery:Routes:1:Host", "127.0.0.1"), ("Delivery:Routes:1:Port", other.Port), ("Delivery:Routes:1:Tls", "None"));
        await delivery.SendAsync("a@remote.test");
        await WaitUntil.TrueAsync(() => delivery.IsAnyParked);

        // One file is all there is.
        delivery.Part<Connector>().Sockets = family => remote.OpenSessions + other.OpenSessions == 0 ? Connector.NewSocket(family) : throw Full();
        await delivery.AcceptAsync("b@other.test");
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(delivery.Part<NodePause>().IsOn && remote.OpenSessions == 0 ? LongestPause : TimeSpan.Zero);
            return delivery.Queue.Settlements.Count == 2;
        });

        Assert.Equal((MailEventType.Delivered, 1), (delivery.Queue.Settlements[1].Events[0].Type, delivery.Queue.Settlements[1].Events[0].Attempt));
        Assert.Equal("QUIT", remote.Sessions[0].Commands[^1]);
    }

    [Theory]
    [InlineData("127.0.0.9", "127.0.0.1")]
    [InlineData("::1", "::1")]
    public async Task One_port_of_an_address_of_ours_serves_as_many_hosts_as_there_are(string ours, string theirs)
    {
        RealParts.Require(theirs != "::1" || Socket.OSSupportsIPv6, "there is no IPv6 on this machine");
        using (var probe = Connector.NewSocket(IPAddress.Parse(ours).AddressFamily))
        {
            Assert.SkipUnless(TryNarrow(probe, 2525), "the system has no range of ports for a single socket");
        }

        var go = new TaskCompletionSource();
        await using var first = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, RemoteAnswer.Say("250 Ok").After(go.Task)), theirs);
        await using var second = ScriptedSmtpServer.Start(null, theirs);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(
            first,
            ("Delivery:Routes:0:Host", theirs), ("Delivery:SourceAddresses:0", ours),
            ("Delivery:Routes:1:Domain", "second.test"), ("Delivery:Routes:1:Host", theirs), ("Delivery:Routes:1:Port", second.Port), ("Delivery:Routes:1:Tls", "None"));
        Socket? connected = null;
        var isNarrow = false;
        delivery.Part<Connector>().Sockets = family =>
        {
            var socket = Connector.NewSocket(family);
            if (connected?.LocalEndPoint is IPEndPoint place)
            {
                isNarrow = TryNarrow(socket, (ushort)place.Port);
            }

            connected ??= socket;
            return socket;
        };

        await delivery.AcceptAsync("a@first.test");
        await WaitUntil.TrueAsync(() => first.Sessions is [{ Commands.Count: > 3 }]);
        var delivered = (await delivery.SendAsync("b@second.test"))[0];
        go.SetResult();

        Assert.Equal((MailEventType.Delivered, 1), (delivered.Type, delivered.Attempt));
        Assert.True(isNarrow);
        Assert.DoesNotContain(delivery.Log, line => line.StartsWith("Warning", StringComparison.Ordinal));
    }

    // Linux 6.3 and later: IP_LOCAL_PORT_RANGE.
    private static bool TryNarrow(Socket socket, ushort port)
    {
        try
        {
            socket.SetRawSocketOption(0, 51, BitConverter.GetBytes(((uint)port << 16) | port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    [Fact]
    public async Task Whoever_stops_does_not_wait_for_it()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        Refuse(delivery);
        await delivery.AcceptAsync("a@remote.test");
        await WaitUntil.TrueAsync(() => delivery.Part<NodePause>().IsOn);

        // The clock stands still.
        await delivery.StopAsync(TestContext.Current.CancellationToken);

        Assert.Empty(delivery.Queue.Settlements);
        Assert.Equal((0, 0), (delivery.Window.Held, delivery.Sites.Count));
    }

    [Fact]
    public async Task It_keeps_no_message_beyond_its_time()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:Retry:Expiry", "00:10:00"), ("Delivery:Retry:Schedule:0", "00:00:30"));
        Refuse(delivery);

        await delivery.AcceptAsync("a@remote.test");
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(TimeSpan.FromSeconds(10));
            return delivery.Queue.Settlements.Any(s => s.Events.Any(e => e.Type == MailEventType.Expired));
        });

        var events = delivery.Queue.Settlements.SelectMany(s => s.Events).ToList();
        Assert.Equal([MailEventType.Deferred, MailEventType.Deferred, MailEventType.Deferred, MailEventType.Expired], events.Select(e => e.Type));
        Assert.Equal("node.no-socket", events[0].Rule);
        Assert.True(events[0].Time >= delivery.Queue.Settlements[0].Lease.Message.AcceptedAt + TimeSpan.FromMinutes(10));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(10)]
    public async Task Nor_one_whose_question_cannot_be_asked(int? minutes)
    {
        await using var dns = ScriptedDns.Start();
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, 25, ("Delivery:Retry:Expiry", "00:10:00"), ("Delivery:Retry:Schedule:0", "00:00:30"));
        delivery.Part<Resolver>().Query = (_, _) => throw Full();
        var message = A.Message(delivery.Time, "a@remote.test");

        await delivery.AcceptAsync(message with { ExpiresAt = minutes is { } own ? message.AcceptedAt.AddMinutes(own) : null });
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(TimeSpan.FromSeconds(10));
            return delivery.Queue.Settlements.Any(s => s.Events.Any(e => e.Type == MailEventType.Expired));
        });

        var events = delivery.Queue.Settlements.SelectMany(s => s.Events).ToList();
        Assert.Equal([.. Enumerable.Repeat(MailEventType.Deferred, minutes is null ? 3 : 0), MailEventType.Expired], events.Select(e => e.Type));
        Assert.True(events[0].Time >= message.AcceptedAt + TimeSpan.FromMinutes(10));
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 0);
    }

    [Fact]
    public async Task A_host_that_answers_at_one_address_is_no_trouble_with_the_network_for_the_other()
    {
        using var closed = Bound(0);
        var port = ((IPEndPoint)closed.LocalEndPoint!).Port;
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start();
        dns.A("smart.test", "127.0.0.1", Lack.NoWay);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(
            remote, ("Delivery:Dns:Servers:0", dns.Server), ("Delivery:Routes:0:Host", "smart.test"), ("Delivery:Routes:0:Port", port));
        delivery.Part<OwnMeans>().HasWayTo = _ => false;

        var deferred = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, "connection.unreachable", 1), (deferred.Type, deferred.Rule, deferred.Attempt));
        Assert.Contains("connection refused", deferred.Reply, StringComparison.Ordinal);
        Assert.False(delivery.Part<NodePause>().IsOn);
    }

    [Fact]
    public void A_machine_that_serves_networks_of_its_own_lacks_one_of_them_and_not_the_network()
    {
        var means = new OwnMeans { HasWayTo = _ => false };
        var lost = new IPEndPoint(IPAddress.Parse("10.2.0.1"), 25);
        OwnLack Lost() => means.Find(SocketError.NetworkUnreachable, lost, null)!;
        var question = new SocketException((int)SocketError.NetworkUnreachable);

        // Loopback shows nothing.
        means.Connected(IPAddress.Loopback);
        Assert.True(Lost().IsOfAll);
        Assert.NotNull(means.Find(question));

        means.Connected(IPAddress.Parse("10.1.0.1"));
        Assert.Equal((false, "connection.unreachable"), (Lost().IsOfAll, Lost().Rule));
        Assert.Null(means.Find(question));

        // One that had a way out lacks it once it is gone.
        means.HasWayTo = address => !address.Equals(lost.Address);
        Assert.False(Lost().IsOfAll);
        means.HasWayTo = _ => false;
        means.Connected(IPAddress.Parse("10.1.0.1"));
        Assert.True(Lost().IsOfAll);
    }

    [Fact]
    public async Task It_is_no_reason_for_mail_to_wait_that_needs_no_connection()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var message = A.Message(delivery.Time, "a@tried.test");
        await delivery.AcceptAsync(message with { Mode = MessageMode.Test });
        await delivery.SettledAsync();
        Refuse(delivery);
        await delivery.AcceptAsync("a@remote.test");
        await WaitUntil.TrueAsync(() => delivery.Part<NodePause>().IsOn);

        Assert.NotNull(delivery.Part<DeliveryDesk>().WhyNotNow(new Lane("remote.test", message.Account, message.Class)));
        Assert.Null(delivery.Part<DeliveryDesk>().WhyNotNow(new Lane("tried.test", message.Account, message.Class)));
    }

    [Fact]
    public async Task A_way_that_only_some_addresses_lack_is_the_matter_of_the_mail_that_goes_there()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:Routes:0:Host", Lack.NoWay));
        delivery.Part<OwnMeans>().HasWayTo = address => address.ToString() != Lack.NoWay;

        var deferred = (await delivery.SendAsync("a@remote.test"))[0];

        Assert.Equal((MailEventType.Deferred, "connection.unreachable", $"this machine has no way to {Lack.NoWay}"), (deferred.Type, deferred.Rule, deferred.Reply));
        Assert.False(delivery.Part<NodePause>().IsOn);
    }

    [Theory]
    [InlineData(SocketError.TooManyOpenSockets, null, true, "node.no-socket")]
    [InlineData(SocketError.NoBufferSpaceAvailable, null, true, "node.no-socket")]
    [InlineData(SocketError.AddressAlreadyInUse, "127.0.0.9", true, "node.no-socket")]
    [InlineData(SocketError.AddressNotAvailable, null, true, "node.no-socket")]
    [InlineData(SocketError.AddressNotAvailable, "127.0.0.9", true, "node.no-socket")]
    [InlineData(SocketError.AddressNotAvailable, "192.0.2.9", true, null)]
    [InlineData(SocketError.AddressNotAvailable, null, false, "node.no-network")]
    [InlineData(SocketError.NetworkUnreachable, null, false, "node.no-network")]
    [InlineData(SocketError.NetworkDown, null, false, "node.no-network")]
    [InlineData(SocketError.NetworkUnreachable, null, true, null)]
    [InlineData(SocketError.HostUnreachable, null, false, null)]
    [InlineData(SocketError.ConnectionRefused, null, false, null)]
    [InlineData(SocketError.TimedOut, null, false, null)]
    public void Only_what_is_surely_ours_is(SocketError error, string? source, bool hasWay, string? rule)
    {
        var means = new OwnMeans { HasWayTo = _ => hasWay };

        var lack = means.Find(error, new IPEndPoint(IPAddress.Loopback, 25), source is null ? null : IPAddress.Parse(source));

        Assert.Equal(rule, lack?.Rule);
    }

    [Fact]
    public void The_machine_knows_the_way_to_itself()
    {
        Assert.True(new OwnMeans().HasWayTo(IPAddress.Loopback));
    }

    private static void Refuse(DeliveryUnderTest delivery) => delivery.Part<Connector>().Sockets = _ => throw Full();

    private static SocketException Full() => new((int)SocketError.TooManyOpenSockets);

    /// <summary>A machine that lacks something, as its system tells.</summary>
    private sealed class Lack(string what)
    {
        // The system connects no stream to it, whatever its routing table holds.
        public const string NoWay = "224.0.0.1";

        public string Host => what == "network" ? NoWay : "127.0.0.1";

        /// <summary>The way that is missing here does not come back.</summary>
        public bool IsMended => what != "network";

        public void Begin(DeliveryUnderTest delivery)
        {
            switch (what)
            {
                case "files":
                    Refuse(delivery);
                    break;
                case "spare files":
                    delivery.Part<OwnMeans>().Most = 3;
                    break;
                default:
                    delivery.Part<OwnMeans>().HasWayTo = _ => false;
                    break;
            }
        }

        public void End(DeliveryUnderTest delivery)
        {
            delivery.Part<Connector>().Sockets = Connector.NewSocket;
            delivery.Part<OwnMeans>().HasWayTo = _ => true;
            delivery.Part<OwnMeans>().Most = int.MaxValue;
        }
    }
}
