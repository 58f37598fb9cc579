using Relay.Mail.Domains;
using Relay.TestKit.Dns;

namespace Relay.Tests.Delivery.TlsPolicies;

public sealed class DestinationTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_look_tells_what_a_policy_asks_of_which_host()
    {
        await using var scene = await StsScene.StartAsync();
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");
        scene.Dns.Mx("remote.test", (20, "old.remote.test")).A("old.remote.test", "127.0.0.1").Txt("_smtp._tls.remote.test", "v=TLSRPTv1; rua=mailto:a@remote.test");

        var found = await scene.Delivery.Part<IDestinations>().ExamineAsync("remote.test", Cancellation);

        Assert.Equal(("mx", "enforce, for 7 days: mx.remote.test", false), (found.Way, found.Sts, found.Secure));
        Assert.Equal(
            [(true, "mta-sts enforce: TLS with a certificate that proves mx.remote.test"), (false, "the MTA-STS policy of remote.test does not name old.remote.test")],
            found.Hosts.Select(h => (h.Usable, h.Terms)));
        Assert.Equal(["mailto:a@remote.test"], found.Reports);
        Assert.Empty(scene.Remote.Sessions);
    }

    [Fact]
    public async Task A_look_tells_why_there_is_no_way()
    {
        await using var dns = ScriptedDns.Start().NullMx("null.test").Mx("inside.test", (10, "mx.inside.test")).A("mx.inside.test", "10.0.0.1");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, 25, ("Delivery:AllowPrivateDestinations", false));
        var destinations = delivery.Part<IDestinations>();

        Assert.Contains("null MX", (await destinations.ExamineAsync("null.test", Cancellation)).Trouble, StringComparison.Ordinal);
        var host = Assert.Single((await destinations.ExamineAsync("inside.test", Cancellation)).Hosts);
        Assert.Equal((false, "10.0.0.1 is a private address; mail goes there only over a route"), (host.Usable, host.Terms));
    }
}
