using System.Net;
using System.Security.Authentication;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Intake.Admission;
using Relay.Mail;
using Relay.Mail.Queue;

namespace Relay.Intake.Smtp;

/// <summary>Receives the connections of one listener, finds each a place, and sees it out again.</summary>
internal sealed class SmtpConnectionHandler : ConnectionHandler
{
    private readonly SmtpDoor _door;
    private readonly ConnectionCensus _census;
    private readonly PatienceWatch _watch;

    public SmtpConnectionHandler(
        ListenerTls tls,
        AdmissionGate gate,
        IContentStore contents,
        IServerCertificate certificate,
        IntakeMetrics metrics,
        ConnectionCensus census,
        PatienceWatch watch,
        TimeProvider time,
        IOptions<RelayOptions> relay,
        IOptions<SubmissionOptions> options,
        ILogger<SmtpConnectionHandler> logger)
    {
        var limits = options.Value;
        var hostName = relay.Value.HostName;
        _door = new SmtpDoor(tls, hostName, new Greeting(hostName, limits.MaxMessageBytes, tls), limits, gate, contents, certificate, metrics, time, logger);
        _census = census;
        _watch = watch;
    }

    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        var client = AddressOf(connection);
        await using var wire = new SmtpWire(connection.Transport, _door.Limits, _door.Time, connection.Abort);
        _watch.Add(wire.Patience);
        try
        {
            if (_census.TryEnter(client))
            {
                await ServeAsync(connection, wire, client);
            }
            else
            {
                await TurnAwayAsync(wire, client);
            }
        }
        finally
        {
            _watch.Remove(wire.Patience);
        }
    }

    private async Task ServeAsync(ConnectionContext connection, SmtpWire wire, IPAddress client)
    {
        _door.Metrics.SessionOpened(_door.Tls);
        _door.Logger.Connected(connection.ConnectionId, client);
        var stop = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? CancellationToken.None;
        await using var stopping = stop.UnsafeRegister(static patience => ((Patience)patience!).Stop(), wire.Patience);
        try
        {
            await using var session = new SmtpSession(_door, wire, client, connection.ConnectionClosed);
            await session.RunAsync();
            await wire.CloseAsync();
        }
        catch (AuthenticationException exception)
        {
            // The outer message only says that there is an inner one, which is what the client or OpenSSL objected to.
            _door.Logger.HandshakeFailed(connection.ConnectionId, client, exception.GetBaseException().Message);
        }
        catch (Exception exception) when (SmtpWire.IsBroken(exception))
        {
            // The client went in the middle of something, such as the handshake; that is its right.
        }
        catch (Exception exception)
        {
            _door.Logger.SessionFailed(exception, connection.ConnectionId);
        }
        finally
        {
            _census.Leave(client);
            _door.Metrics.SessionClosed(_door.Tls);
            _door.Logger.Disconnected(connection.ConnectionId, wire.End);
        }
    }

    // In clear text even where TLS is expected: the client learns nothing else, and a handshake is what we want to save.
    private async Task TurnAwayAsync(SmtpWire wire, IPAddress client)
    {
        _door.Metrics.Refused(DoorRefusal.TooManyConnections);
        _door.Logger.TurnedAway(client);
        wire.Write(Replies.TooManyConnections);
        await wire.CloseAsync();
    }

    private static IPAddress AddressOf(ConnectionContext connection) => connection.RemoteEndPoint is IPEndPoint { Address: var address }
        ? address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address
        : IPAddress.None;
}
