using Relay.Delivery.Scheduling;
using Relay.Mail.Accounts;
using Relay.Mail.Queue;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Scheduling;

public sealed class AccountRatesTests
{
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
        delivery.Time.Advance(TimeSpan.FromSeconds(1));
        await delivery.SettledAsync(5);

        Task ReadAsync(string rate) => WaitUntil.TrueAsync(() =>
        {
            // It reads at most once a second.
            delivery.Time.Advance(TimeSpan.FromSeconds(1));
            return delivery.Part<AccountRates>().RateOf("shop")?.ToString() == rate;
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
}
