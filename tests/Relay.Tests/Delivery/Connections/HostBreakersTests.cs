using System.Net;
using Microsoft.Extensions.Time.Testing;
using Relay.Delivery.Connections;
using Relay.TestKit.Remote;
using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.Tests.Delivery.Connections;

/// <summary>What failed for some says nothing to those who reach the host in another way.</summary>
public sealed class HostBreakersTests
{
    private static readonly IPEndPoint Place = IPEndPoint.Parse("192.0.2.1:25");
    private static readonly Opened.Failed Refused = new("connection refused connecting", "connection.unreachable", "mx.test", "192.0.2.1:25");

    private readonly HostBreakers _breakers = new(new FakeTimeProvider());

    [Fact]
    public async Task A_host_that_fails_from_one_of_our_addresses_is_still_tried_from_the_others()
    {
        for (var i = 0; i < 5; i++)
        {
            await OpenAsync(Refused, source: "198.51.100.1");
        }

        Assert.Contains("left alone", (await OpenAsync(Refused, source: "198.51.100.1")).Words, StringComparison.Ordinal);
        Assert.Same(Refused, await OpenAsync(Refused, source: "198.51.100.2"));
        Assert.Same(Refused, await OpenAsync(Refused));
    }

    [Fact]
    public async Task What_fails_only_by_a_sites_own_word_is_no_failure_of_the_host()
    {
        var wrongLogin = Refused with { IsForSite = true };

        for (var i = 0; i < 20; i++)
        {
            Assert.Same(wrongLogin, await OpenAsync(wrongLogin));
        }
    }

    [Fact]
    public async Task However_many_names_an_address_has_those_that_are_remembered_have_a_bound()
    {
        for (var i = 0; i < 20_001; i++)
        {
            await OpenAsync(Refused, host: $"tenant{i}.hoster.test");
            Assert.InRange(_breakers.Names, 0, 10_000);
        }
    }

    [Fact]
    public async Task Any_name_under_which_it_failed_makes_it_be_tried_again()
    {
        for (var i = 0; i < 6; i++)
        {
            await OpenAsync(Refused, host: $"tenant{i}.hoster.test");
        }

        _breakers.Forget("tenant5.hoster.test");

        Assert.Same(Refused, await OpenAsync(Refused));
    }

    [Fact]
    public async Task A_pool_whose_address_is_none_of_this_machine_keeps_no_mail_of_another_pool_back()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(
            remote, ("Delivery:Pools:0:Name", "bulk"), ("Delivery:Pools:0:Class", "Bulk"), ("Delivery:Pools:0:Addresses:0:Address", "192.0.2.77"));
        for (var i = 0; i < 5; i++)
        {
            var deferred = (await delivery.SendAsync(A.Message(delivery.Time, $"a{i}@remote.test") with { Class = MessageClass.Bulk }))[0];
            Assert.Contains("the source address is none of this machine", deferred.Reply, StringComparison.Ordinal);
        }

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("b@remote.test"))[0].Type);
    }

    [Fact]
    public async Task A_route_whose_login_is_wrong_keeps_no_mail_of_another_route_to_the_same_host_back()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript { Login = ("me", "secret") });
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(
            remote,
            ("Delivery:Routes:1:Domain", "wrong.test"), ("Delivery:Routes:1:Host", "127.0.0.1"), ("Delivery:Routes:1:Port", remote.Port), ("Delivery:Routes:1:Tls", "None"),
            ("Delivery:Routes:1:Username", "me"), ("Delivery:Routes:1:Password", "guessed"));
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal("535 5.7.8 No", (await delivery.SendAsync($"a{i}@wrong.test"))[0].Reply);
        }

        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("b@remote.test"))[0].Type);
    }

    private async Task<Opened.Failed> OpenAsync(Opened.Failed comes, string? source = null, string host = "mx.test") =>
        (Opened.Failed)await _breakers.OpenAsync(Place, source is null ? null : IPAddress.Parse(source), host, () => ValueTask.FromResult<Opened>(comes));
}
