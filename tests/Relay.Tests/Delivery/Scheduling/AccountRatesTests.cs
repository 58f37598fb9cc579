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
