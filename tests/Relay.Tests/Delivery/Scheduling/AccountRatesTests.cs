using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Delivery;
using Relay.Delivery.Providers;
using Relay.Delivery.Scheduling;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.InMemory;
using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Scheduling;

public sealed class AccountRatesTests
{
    private const int DeadMail = 100;

    [Fact]
    public async Task An_account_sends_no_more_than_its_rate_and_others_do_not_wait_for_it()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(
            remote, ("Delivery:AccountRate", "1000/1s"), ("Delivery:AccountRates:slow", "6/1m"));
        for (var i = 0; i < 10; i++)
        {
            await delivery.AcceptAsync(A.Message(delivery.Time, $"a{i}@remote.test") with { Account = "slow" });
        }

        for (var i = 0; i < 50; i++)
        {
            await delivery.AcceptAsync(A.Message(delivery.Time, $"b{i}@remote.test") with { Account = "quick" });
        }

        await delivery.SettledAsync(51);
        Assert.Equal(1, delivery.Queue.Settlements.Count(s => s.Lease.Message.Account == "slow"));
        Assert.Equal("the account may send 6/1m, and has", delivery.Part<IDeliveryDesk>().WhyNotNow(new Lane("remote.test", "slow", default)));

        for (var sent = 2; sent <= 6; sent++)
        {
            delivery.Time.Advance(TimeSpan.FromSeconds(10));
            await delivery.SettledAsync(50 + sent);
            Assert.Equal(sent, delivery.Queue.Settlements.Count(s => s.Lease.Message.Account == "slow"));
        }
    }

    [Fact]
    public async Task What_strangers_write_to_an_account_neither_waits_for_its_rate_nor_counts()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:AccountRates:slow", "1/1h"));
        for (var i = 0; i < 5; i++)
        {
            await delivery.AcceptAsync(A.Message(delivery.Time, $"desk{i}@remote.test") with { Account = "slow", Source = MessageSource.Inbound, Class = MessageClass.Inbound });
        }

        await delivery.SettledAsync(5);
        await delivery.AcceptAsync(A.Message(delivery.Time, "a@remote.test") with { Account = "slow" });
        await delivery.AcceptAsync(A.Message(delivery.Time, "b@remote.test") with { Account = "slow" });
        await delivery.SettledAsync(6);
        Assert.Equal("the account may send 1/1h, and has", delivery.Part<IDeliveryDesk>().WhyNotNow(new Lane("remote.test", "slow", MessageClass.Transactional)));
        Assert.Null(delivery.Part<IDeliveryDesk>().WhyNotNow(new Lane("remote.test", "slow", MessageClass.Inbound)));

        await delivery.AcceptAsync(A.Message(delivery.Time, "desk@remote.test") with { Account = "slow", Source = MessageSource.Inbound, Class = MessageClass.Inbound });
        await delivery.SettledAsync(7);
        Assert.Single(delivery.Queue.Settlements, s => s.Lease.Message.Class == MessageClass.Transactional);
    }

    [Fact]
    public async Task An_account_that_uses_one_of_several_nodes_has_most_of_its_rate_there()
    {
        using var nodes = new Nodes(4);
        nodes.Accept(0, 200);

        // Sixteen a minute on four nodes: an even part would be four.
        await nodes.RunAsync(TimeSpan.FromMinutes(1));
        var before = nodes.Sent(0);
        await nodes.RunAsync(TimeSpan.FromMinutes(5));

        Assert.InRange(nodes.Sent(0) - before, 12 * 5, 14 * 5);
    }

    [Fact]
    public async Task However_many_nodes_have_its_mail_an_account_sends_no_more_than_its_rate()
    {
        using var nodes = new Nodes(4);
        for (var node = 0; node < 4; node++)
        {
            nodes.Accept(node, 100);
        }

        await nodes.RunAsync(TimeSpan.FromMinutes(10));

        // One that is saved up at first on each.
        Assert.InRange(Enumerable.Range(0, 4).Sum(nodes.Sent), 140, 164);
        Assert.All(Enumerable.Range(0, 4), node => Assert.InRange(nodes.Sent(node), 30, 45));
    }

    [Fact]
    public async Task What_one_node_needs_no_more_another_has_within_seconds()
    {
        using var nodes = new Nodes(2);
        nodes.Accept(0, 20);
        await nodes.RunAsync(TimeSpan.FromMinutes(3));
        Assert.Equal(20, nodes.Sent(0));

        nodes.Accept(1, 100);
        await nodes.RunAsync(TimeSpan.FromSeconds(20));
        var before = nodes.Sent(1);
        await nodes.RunAsync(TimeSpan.FromMinutes(5));

        Assert.InRange(nodes.Sent(1) - before, 13 * 5, 15 * 5);
    }

    [Fact]
    public async Task The_rate_that_the_store_has_for_an_account_stands_before_what_is_configured_and_may_change()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:AccountRate", "1/1h"));
        var accounts = delivery.Part<IAccountStore>();
        await accounts.TryAddAccountAsync(
            new Account("shop", "Shop", delivery.Time.GetUtcNow()) { Limits = new SendingLimits { PerSecond = 0.1 } }, TestContext.Current.CancellationToken);
        await ReadAsync("6/1m");
        for (var i = 0; i < 5; i++)
        {
            await delivery.AcceptAsync(A.Message(delivery.Time, $"a{i}@remote.test") with { Account = "shop" });
        }

        await delivery.SettledAsync(1);
        Assert.Equal("the account may send 6/1m, and has", delivery.Part<IDeliveryDesk>().WhyNotNow(new Lane("remote.test", "shop", default)));

        await accounts.ChangeAccountAsync("shop", known => known with { Limits = new SendingLimits() }, TestContext.Current.CancellationToken);
        await WaitUntil.TrueAsync(() =>
        {
            // By the old rate the last would leave after forty seconds.
            delivery.Time.Advance(TimeSpan.FromMilliseconds(5));
            return delivery.Queue.Settlements.Count == 5;
        });

        Task ReadAsync(string rate) => WaitUntil.TrueAsync(() =>
        {
            // It reads at most once a second.
            delivery.Time.Advance(TimeSpan.FromSeconds(1));
            return delivery.Part<AccountRates>().RateOf("shop")?.ToString() == rate;
        });
    }

    [Fact]
    public async Task Mail_for_a_host_that_is_left_alone_is_told_so_and_uses_up_nothing_of_its_accounts_rate()
    {
        await using var alive = ScriptedSmtpServer.Start();
        await using var delivery = await StartWithDeadHostAsync(FreePorts.Next(), alive);
        var told = delivery.Queue.Settlements.Count;

        // Ten may leave in a second, and all others are told.
        delivery.Time.Advance(TimeSpan.FromSeconds(1));
        await WaitUntil.TrueAsync(() => delivery.Queue.Settlements.Count >= told + 50 && delivery.Window.Held == 0);

        for (var i = 0; i < 10; i++)
        {
            await delivery.AcceptAsync($"b{i}@alive.test");
        }

        await alive.WaitForMessagesAsync(10, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task What_came_to_be_told_and_finds_its_host_back_takes_its_accounts_turn_like_all_other_mail()
    {
        var port = FreePorts.Next();
        var look = new TaskCompletionSource();
        await using var alive = ScriptedSmtpServer.Start();
        await using var delivery = await StartWithDeadHostAsync(port, alive);
        var looks = delivery.Suppressions.Looks;
        delivery.Suppressions.Hold = look.Task;
        delivery.Time.Advance(TimeSpan.FromSeconds(1));
        await WaitUntil.TrueAsync(() => delivery.Suppressions.Looks >= looks + 50);

        await using var back = ScriptedSmtpServer.Start(port: port);
        delivery.Part<IDeliveryDesk>().TryAgain("dead.test");
        delivery.Suppressions.Hold = null;
        look.SetResult();

        // Ten in the second that has passed, and one.
        await WaitUntil.TrueAsync(() => back.Messages.Count > 0 && delivery.Window.Held == 0);
        Assert.InRange(back.Messages.Count, 1, 11);
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(TimeSpan.FromSeconds(1));
            return back.Messages.Count == DeadMail;
        });
    }

    [Fact]
    public async Task A_rate_of_one_in_months_holds_up_nobody_else()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:AccountRates:slow", "1/2000h"));
        foreach (var account in (string[])["slow", "slow", "quick"])
        {
            await delivery.AcceptAsync(A.Message(delivery.Time, "a@remote.test") with { Account = account });
        }

        await delivery.SettledAsync(2);

        Assert.Equal(["quick", "slow"], delivery.Queue.Settlements.Select(s => s.Lease.Message.Account).Order());
        Assert.DoesNotContain(delivery.Log, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Accounts_that_send_no_more_are_forgotten_and_one_that_has_sent_all_it_may_is_not()
    {
        await using var delivery = await DeliveryUnderTest.StartAsync(("Delivery:AccountRate", "1000/1s"), ("Delivery:AccountRates:slow", "1/1h"));
        var rates = delivery.Part<AccountRates>();
        Assert.Null(rates.ClosedGate(LaneOf("slow")));
        for (var i = 0; i < 20_000; i++)
        {
            delivery.Time.Advance(TimeSpan.FromMilliseconds(10));
            Assert.Null(rates.ClosedGate(LaneOf($"account{i}")));
        }

        Assert.InRange(rates.Shared.Count(), 1, 5_000);
        Assert.NotNull(rates.ClosedGate(LaneOf("slow")));

        static Lane LaneOf(string account) => new("x.test", account, MessageClass.Transactional);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData(1.0, "1/1s")]
    [InlineData(25.0, "25/1s")]
    [InlineData(0.1, "6/1m")]
    [InlineData(2.5, "150/1m")]
    [InlineData(0.001, "1/1000s")]
    public void A_rate_is_told_in_whole_messages(double? perSecond, string? told) => Assert.Equal(told, StoredRates.RateOf(perSecond)?.ToString());

    [Theory]
    [InlineData("AccountRate", "many")]
    [InlineData("AccountRates:acct_1", "10/1d")]
    [InlineData("AccountRate", "1/2147483647h")]
    public async Task A_rate_that_is_none_stops_the_start_with_its_name(string setting, string rate)
    {
        var failure = await Assert.ThrowsAsync<Microsoft.Extensions.Options.OptionsValidationException>(
            () => DeliveryUnderTest.StartAsync(($"Delivery:{setting}", rate)));

        Assert.Contains($"Relay:Delivery:{setting}: '{rate}' is no rate", failure.Message, StringComparison.Ordinal);
    }

    // Its account may send ten in a second, and has queued a hundred for a host that nobody reaches.
    private static async Task<DeliveryUnderTest> StartWithDeadHostAsync(int dead, ScriptedSmtpServer alive)
    {
        var delivery = await DeliveryUnderTest.StartAsync(
        [
            ("Delivery:AccountRate", "600/1m"),
            ("Delivery:Routes:0:Domain", "dead.test"), ("Delivery:Routes:0:Host", "127.0.0.1"), ("Delivery:Routes:0:Port", dead), ("Delivery:Routes:0:Tls", "None"),
            ("Delivery:Routes:1:Domain", "*"), ("Delivery:Routes:1:Host", "127.0.0.1"), ("Delivery:Routes:1:Port", alive.Port), ("Delivery:Routes:1:Tls", "None"),
        ]);
        for (var i = 0; i < DeadMail; i++)
        {
            await delivery.AcceptAsync($"a{i}@dead.test");
        }

        var lane = new Lane("dead.test", "default", default);
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 0 && delivery.Part<IDeliveryDesk>().WhyNotNow(lane)?.StartsWith("left alone", StringComparison.Ordinal) == true);
        return delivery;
    }

    /// <summary>Nodes that deliver on one board, for an account that may send sixteen a minute. Nothing is sent: the gate alone says what may be.</summary>
    private sealed class Nodes : IDisposable
    {
        private static readonly Lane Lane = new("remote.test", "slow", MessageClass.Transactional);
        private static readonly TimeSpan Step = TimeSpan.FromSeconds(0.5);

        private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        private readonly List<Node> _nodes = [];

        public Nodes(int count)
        {
            var board = new InMemorySiteBoard(_time);
            for (var i = 0; i < count; i++)
            {
                var options = Options.Create(new DeliveryOptions { AccountRate = "16/1m" });
                var shares = new NodeShares(board.Join());
                _nodes.Add(new Node(new AccountRates(new DeliveryWindow(new InMemoryMailQueue(_time), options, _time), shares, options, _time), shares));
            }
        }

        public void Accept(int node, int messages) => _nodes[node].Waiting += messages;

        public int Sent(int node) => _nodes[node].Sent;

        /// <summary>Lets the time pass: the mail of each node is asked about as the queue would, and shares are renewed as the keeper does.</summary>
        public async Task RunAsync(TimeSpan time)
        {
            for (var passed = TimeSpan.Zero; passed < time; passed += Step)
            {
                _time.Advance(Step);
                foreach (var node in _nodes)
                {
                    for (; node.Waiting > 0 && node.Rates.ClosedGate(Lane) is null; node.Waiting--, node.Sent++)
                    {
                    }

                    while (node.Shares.Asking.TryRead(out var asking))
                    {
                        await node.Shares.RenewAsync(asking, TestContext.Current.CancellationToken);
                    }

                    if (passed.Ticks % TimeSpan.FromSeconds(2).Ticks == 0)
                    {
                        foreach (var shared in node.Rates.Shared)
                        {
                            await node.Shares.RenewAsync(shared, TestContext.Current.CancellationToken);
                        }
                    }
                }
            }
        }

        public void Dispose() => _nodes.ForEach(node => node.Rates.Dispose());

        private sealed record Node(AccountRates Rates, NodeShares Shares)
        {
            public int Waiting { get; set; }
            public int Sent { get; set; }
        }
    }
}
