using System.Net;
using Relay.Delivery.Connections;

namespace Relay.Tests.Delivery.Connections;

public sealed class ChunkingHostsTests
{
    private const int MaxKnown = 10_000;

    private readonly ChunkingHosts _hosts = new();

    [Fact]
    public void A_note_of_what_is_known_already_costs_nobody_his_place()
    {
        for (var i = 0; i < MaxKnown; i++)
        {
            _hosts.Pass(Host(i));
        }

        _hosts.Pass(Host(0));
        Assert.True(_hosts.HasPassed(Host(1)));

        _hosts.Pass(Host(MaxKnown));
        Assert.True(_hosts.HasPassed(Host(MaxKnown)));
    }

    [Fact]
    public void Who_has_failed_once_has_failed()
    {
        _hosts.Pass(Host(1));
        _hosts.Fail(Host(1));
        _hosts.Pass(Host(1));

        Assert.Equal((false, true), (_hosts.HasPassed(Host(1)), _hosts.HasFailed(Host(1))));
    }

    private static IPEndPoint Host(int number) => new(0x0a000000 + number, 25);
}
