using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Relay.Delivery.Routing;
using Relay.Delivery.Sources;
using Relay.Delivery.TlsPolicies;
using Relay.Mail.Events;

namespace Relay.Delivery.Connections;

/// <summary>
/// Opens a connection to a site: host after host by preference, address after address, until one greets us. Only failures
/// before a message was begun lead to the next host; what happens later is the message's own affair.
/// </summary>
internal sealed class Connector(
    Resolver resolver,
    AddressPolicy policy,
    HostBreakers breakers,
    TermsFinder termsFinder,
    Greeter greeter,
    TlsSessions sessions,
    SourceAddresses sources,
    AddressRace race,
    OwnMeans means,
    DeliveryMetrics metrics,
    IOptions<DeliveryOptions> options,
    TimeProvider time)
{
    /// <summary>Makes the sockets; for tests.</summary>
    public Func<AddressFamily, Socket> Sockets { get; set; } = NewSocket;

    public static Socket NewSocket(AddressFamily family) => new(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    /// <param name="stop">Ends the connection at any time, also when it is open already.</param>
    public async ValueTask<Opened> OpenAsync(RoutePlan plan, ConnectionWish wish, CancellationToken stop)
    {
        Opened.Failed? failure = null;
        Opened.Failed? tried = null;
        var heard = new List<TranscriptLine>();
        foreach (var host in plan.InOrder(Random.Shared, wish.First))
        {
            var (addresses, answer, missing) = await AddressesAsync(host, plan, stop);
            if (missing is not null)
            {
                failure = Worse(failure, missing);
                Overhear(heard, missing);
                continue;
            }

            var (terms, refusal) = await termsFinder.FindAsync(plan, host, answer, wish, stop);
            if (terms is null)
            {
                sessions.Refused(wish.Domain, plan, refusal!);
                failure = Worse(failure, refusal!);
                Overhear(heard, refusal!);
                continue;
            }

            var call = new Call(plan, host, terms, wish);
            foreach (var opened in await race.RunAsync(host.Name, addresses, (address, heat) => OpenAsync(call, new IPEndPoint(address, host.Port), heat, stop), stop))
            {
                if (opened is not Opened.Failed failed)
                {
                    return opened;
                }

                failure = Worse(failure, failed);
                tried = failed is { Status: null, Lack: null, IsForSite: false } ? failed : tried;
                Overhear(heard, failed);
            }

            if (stop.IsCancellationRequested && failure is not null)
            {
                return failure;
            }
        }

        // Where one address could be tried it is not the network that lacks, but the way to another one.
        failure = failure is { Lack.Rule: DeliveryRules.NoNetwork } ? tried ?? failure : failure;
        return failure is null ? throw new InvalidOperationException("a plan without hosts") : failure with { Dialogue = heard };
    }

    private async ValueTask<(IReadOnlyList<IPAddress> Addresses, DnsAnswer<IPAddress>? Answer, Opened.Failed? Missing)> AddressesAsync(RouteHost host, RoutePlan plan, CancellationToken stop)
    {
        if (host.Address is { } literal)
        {
            return ([literal], null, null);
        }

        var answer = await resolver.AddressesAsync(host.Name, stop);
        if (answer.Finding != DnsFinding.Found && plan.IsRoute && await LocalAddressesAsync(host.Name, stop) is { Length: > 0 } local)
        {
            return (race.InOrder(host.Name, local), null, null);
        }

        return answer.Finding switch
        {
            DnsFinding.Found => (race.InOrder(host.Name, answer.Records), answer, null),
            DnsFinding.Failed => ([], null, new Opened.Failed(answer.Words, answer.Lack?.Rule ?? DeliveryRules.DnsFailure, host.Name, null) { Lack = answer.Lack }),

            // Who misspells a route's host shall not lose mail by it.
            _ => ([], null, new Opened.Failed(answer.Words, DeliveryRules.NoAddress, host.Name, null, plan.IsRoute ? null : "5.4.4")),
        };
    }

    private ValueTask<Opened> OpenAsync(Call call, IPEndPoint place, Heat heat, CancellationToken stop)
    {
        if (!call.Plan.IsRoute && policy.Check(place) is { } refusal)
        {
            return ValueTask.FromResult<Opened>(new Opened.Failed(refusal.Words, refusal.Rule, call.Host.Name, place.ToString(), refusal.Status));
        }

        // What we lack ourselves is no failure of the host.
        if (place.AddressFamily == AddressFamily.InterNetworkV6 && !Socket.OSSupportsIPv6)
        {
            return ValueTask.FromResult<Opened>(Lacking(call, place, "this machine has no IPv6"));
        }

        var source = sources.For(call.Plan, call.Wish.Domain, place.AddressFamily);
        if (source is null && call.Plan.Pool is { } pool)
        {
            return ValueTask.FromResult<Opened>(Lacking(call, place, $"the pool {pool.Name} has no address of this family today"));
        }

        return breakers.OpenAsync(place, source?.Address, call.Host.Name, () => GreetAsync(call, place, source, heat, stop));
    }

    private async ValueTask<Opened> GreetAsync(Call call, IPEndPoint place, SourceAddress? source, Heat heat, CancellationToken stop)
    {
        var opened = await ConnectAsync(call, place, source, heat, stop);
        if (opened is Opened.Beaten)
        {
            return opened;
        }

        sessions.Ended(call.Wish.Domain, call.Plan, call.Terms, opened);

        if (opened is Opened.Ready { Connection: var stranger } && !stranger.Offers(call.Wish.Demand))
        {
            stranger.Dispose();
            return Lacking(call, place);
        }

        // Clear text after broken TLS only on a new connection and before any mail, and never with a password.
        return opened is Opened.Failed { BrokenTls: true } && call is { Terms.Mode: RouteTls.Opportunistic, Plan.Login: null }
            ? await ConnectAsync(call with { Terms = call.Terms with { Mode = RouteTls.None } }, place, source, heat, stop)
            : opened;
    }

    private async ValueTask<Opened> ConnectAsync(Call call, IPEndPoint place, SourceAddress? source, Heat heat, CancellationToken stop)
    {
        var (plan, host, terms, _) = call;
        Socket socket;
        try
        {
            socket = Sockets(place.AddressFamily);
        }
        catch (SocketException e)
        {
            // The limit of open files, as a rule.
            return Lacking(call, place, means.Find(e.SocketErrorCode, place, source?.Address) ?? OwnLack.OfSockets(e.SocketErrorCode));
        }

        if (means.Find(socket) is { } scarce)
        {
            socket.Dispose();
            return Lacking(call, place, scarce);
        }

        var wire = await Wire.ConnectAsync(socket, place, source?.Address, options.Value.Timeouts.Connect, time, stop, heat.IsWon ? default : heat.Won);
        if (wire.Failure is { } failure)
        {
            wire.Dispose();
            if (heat.IsWon && !heat.TryWin(place))
            {
                return Opened.Beaten.Instance;
            }

            return wire.Error is { } error && means.Find(error, place, source?.Address) is { } lack
                ? Lacking(call, place, lack)
                : new Opened.Failed(failure, DeliveryRules.Unreachable, host.Name, place.ToString());
        }

        if (!heat.TryWin(place))
        {
            wire.Dispose();
            return Opened.Beaten.Instance;
        }

        means.Connected(place.Address);
        var connection = new SmtpConnection(wire, host, place, metrics, time) { OurName = source?.HostName };
        if (options.Value.Transcripts.Kept == TimeSpan.Zero)
        {
            connection.Log.TurnOff();
        }

        connection.Log.Note(0, $"connected to {host.Name} [{connection.Address}]");
        Opened.Failed? failed;
        try
        {
            failed = await greeter.GreetAsync(connection, terms, plan.Login);
        }
        catch
        {
            connection.Dispose();
            throw;
        }

        if (failed is null)
        {
            return new Opened.Ready(connection);
        }

        connection.Log.Note(0, failed.Words);
        failed = failed with { Dialogue = connection.Log.Tell(0) };
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

    private static Opened.Failed Lacking(Call call, IPEndPoint place, string words) =>
        Lacking(call, place, new OwnLack(words, DeliveryRules.Unreachable, IsOfAll: false));

    private static Opened.Failed Lacking(Call call, IPEndPoint place, OwnLack lack) =>
        new(lack.Words, lack.Rule, call.Host.Name, place.ToString()) { IsForSite = true, Lack = lack.IsOfAll || lack.IsBrief ? lack : null };

    // Another host may offer it, and each is asked before that ends the message (RFC 8689, 4.2.1).
    private static Opened.Failed Lacking(Call call, IPEndPoint place) =>
        new("the message demands REQUIRETLS, which the remote does not offer", DeliveryRules.NeedsRequireTls, call.Host.Name, place.ToString(), "5.7.30")
        {
            IsForMessage = true,
            Source = TlsSource.Message,
        };

    private void Overhear(List<TranscriptLine> heard, Opened.Failed failed)
    {
        if (failed.Dialogue is { } dialogue)
        {
            heard.AddRange(dialogue);
        }
        else
        {
            heard.Add(new TranscriptLine(time.GetUtcNow(), TranscriptVoice.Note, $"{failed.Host}{(failed.Address is null ? "" : $" [{failed.Address}]")}: {failed.Words}"));
        }
    }

    // A failure is permanent only if each of them is. Of temporary ones what a remote said counts more than that another is not
    // there: it may have named how long it wants to be left alone. Where one could not even be tried it is not known whether it is
    // there. Among equals the later one, of a worse preference, is told.
    private static Opened.Failed Worse(Opened.Failed? before, Opened.Failed now) =>
        before is null || RankOf(now) >= RankOf(before) ? now : before;

    private static int RankOf(Opened.Failed failed) =>
        failed.Status is not null ? 0
        : failed.Refusal is not null ? 3
        : failed.Lack is not null ? 2
        : 1;

    /// <summary>One host, and what a connection to it has to prove.</summary>
    private sealed record Call(RoutePlan Plan, RouteHost Host, TlsTerms Terms, ConnectionWish Wish);
}
