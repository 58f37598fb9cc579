using Relay.Delivery.Scheduling;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
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
}
