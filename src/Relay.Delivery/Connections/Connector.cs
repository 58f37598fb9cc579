using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Relay.Delivery.Routing;

namespace Relay.Delivery.Connections;

/// <summary>
/// Opens a connection to a site: host after host by preference, address after address, until one greets us. Only failures
/// before a message was begun lead to the next host; what happens later is the message's own affair.
/// </summary>
internal sealed class Connector(
    Resolver resolver,
    AddressPolicy policy,
    HostBreakers breakers,
    Greeter greeter,
    SourceAddresses sources,
    DeliveryMetrics metrics,
    IOptions<DeliveryOptions> options,
    TimeProvider time)
{
    // Of a host with many addresses the first ones are enough: the others stand in the same racks.
    private const int MaxAddressesOfHost = 4;

    /// <param name="first">The host to try before all others; null for none.</param>
    /// <param name="stop">Ends the connection at any time, also when it is open already.</param>
    public async ValueTask<Opened> OpenAsync(RoutePlan plan, string? first, CancellationToken stop)
    {
        Opened.Failed? failure = null;
        foreach (var host in plan.InOrder(Random.Shared, first))
        {
            var (addresses, missing) = await AddressesAsync(host, plan, stop);
            failure = Worse(failure, missing);
            foreach (var address in addresses)
            {
                var opened = await OpenAsync(plan, host, new IPEndPoint(address, host.Port), stop);
                if (opened is not Opened.Failed failed)
                {
                    return opened;
                }

                failure = Worse(failure, failed);
                if (stop.IsCancellationRequested)
                {
                    return failed;
                }
            }
        }

        return failure ?? throw new InvalidOperationException("a plan without hosts");
    }

    private async ValueTask<(IEnumerable<IPAddress> Addresses, Opened.Failed? Missing)> AddressesAsync(RouteHost host, RoutePlan plan, CancellationToken stop)
    {
        if (host.Address is { } literal)
        {
            return ([literal], null);
        }

        var answer = await resolver.AddressesAsync(host.Name, stop);
        if (answer.Finding != DnsFinding.Found && plan.IsRoute && await LocalAddressesAsync(host.Name, stop) is { Length: > 0 } local)
        {
            return (local, null);
        }

        return answer.Finding switch
        {
            DnsFinding.Found => (answer.Records.Take(MaxAddressesOfHost), null),
            DnsFinding.Failed => ([], new Opened.Failed(answer.Words, DeliveryRules.DnsFailure, host.Name, null)),

            // Who misspells a route's host shall not lose mail by it.
            _ => ([], new Opened.Failed(answer.Words, DeliveryRules.NoAddress, host.Name, null, plan.IsRoute ? null : "5.4.4")),
        };
    }

    private ValueTask<Opened> OpenAsync(RoutePlan plan, RouteHost host, IPEndPoint place, CancellationToken stop) =>
        !plan.IsRoute && policy.Check(place) is { } refusal
            ? ValueTask.FromResult<Opened>(new Opened.Failed(refusal.Words, refusal.Rule, host.Name, place.ToString(), refusal.Status))
            : breakers.OpenAsync(place, host.Name, () => GreetAsync(plan, host, place, stop));

    private async ValueTask<Opened> GreetAsync(RoutePlan plan, RouteHost host, IPEndPoint place, CancellationToken stop)
    {
        var opened = await ConnectAsync(plan, host, place, plan.Tls, stop);

        // Clear text after broken TLS only on a new connection and before any mail, and never with a password.
        return opened is Opened.Failed { BrokenTls: true } && plan is { Tls: RouteTls.Opportunistic, Login: null }
            ? await ConnectAsync(plan, host, place, RouteTls.None, stop)
            : opened;
    }

    private async ValueTask<Opened> ConnectAsync(RoutePlan plan, RouteHost host, IPEndPoint place, RouteTls tls, CancellationToken stop)
    {
        if (place.AddressFamily == AddressFamily.InterNetworkV6 && !Socket.OSSupportsIPv6)
        {
            return new Opened.Failed("this machine has no IPv6", DeliveryRules.Unreachable, host.Name, place.ToString());
        }

        var source = sources.For(plan.Key, place.AddressFamily);
        var wire = await Wire.ConnectAsync(place, source, options.Value.Timeouts.Connect, time, stop);
        if (wire.Failure is { } failure)
        {
            wire.Dispose();
            return new Opened.Failed(failure, DeliveryRules.Unreachable, host.Name, place.ToString());
        }

        var connection = new SmtpConnection(wire, host, place, metrics);
        if (await greeter.GreetAsync(connection, tls, plan.Login) is not { } failed)
        {
            return new Opened.Ready(connection);
        }

        connection.Dispose();
        return failed;
    }

    // A route may name what only this machine knows: localhost, a container, an entry in the hosts file.
    private static async ValueTask<IPAddress[]> LocalAddressesAsync(string host, CancellationToken stop)
    {
        try
        {
            return await Dns.GetHostAddressesAsync(host, stop);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return [];
        }
    }

    // A failure is permanent only if each of them is; among equals the later one, of a worse preference, is told.
    private static Opened.Failed? Worse(Opened.Failed? before, Opened.Failed? now) =>
        before is null || (now is not null && (now.Status is null || before.Status is not null)) ? now ?? before : before;
}
