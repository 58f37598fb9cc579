using System.Net;
using System.Security.Authentication;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Relay.Intake.Sockets;
using Relay.Mail.Messages;

namespace Relay.Intake.Smtp;

/// <summary>Receives the connections of one listener, finds each a place, and sees it out again.</summary>
internal sealed class SmtpConnectionHandler(SmtpDoor door, ConnectionCensus census, DoorFiles files, PatienceWatch watch) : ConnectionHandler
{
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        var client = AddressOf(connection);
        await using var wire = new SmtpWire(((MailConnection)connection).Socket, door.Limits, door.Time, connection.Abort);
        watch.Add(wire.Patience);
        try
        {
            if (!files.HasRoomFor(((MailConnection)connection).Socket, MessageSource.Smtp))
            {
                await TurnAwayAsync(wire, Replies.Full);

                // Its file is what lacks: nobody waits until it has read that.
                connection.Abort();
            }
            else if (census.TryEnter(client))
            {
                await ServeAsync(connection, wire, client);
            }
            else
            {
                door.Metrics.Refused(DoorRefusal.TooManyConnections);
                door.Logger.TurnedAway(client);
                await TurnAwayAsync(wire, Replies.TooManyConnections);
            }
        }
        finally
        {
            watch.Remove(wire.Patience);
        }
    }

    private async Task ServeAsync(ConnectionContext connection, SmtpWire wire, IPAddress client)
    {
        door.Metrics.SessionOpened(door.Tls);
        door.Logger.Connected(connection.ConnectionId, client);
        var stop = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? CancellationToken.None;
        await using var stopping = stop.UnsafeRegister(static patience => ((Patience)patience!).Stop(), wire.Patience);
        try
        {
            await using var session = new SmtpSession(door, wire, client, connection.ConnectionClosed);
            await session.RunAsync();
            await wire.CloseAsync();
        }
        catch (AuthenticationException exception)
        {
            // The outer message only says that there is an inner one, which is what the client or OpenSSL objected to.
            door.Logger.HandshakeFailed(connection.ConnectionId, client, exception.GetBaseException().Message);
        }
        catch (Exception exception) when (SmtpWire.IsBroken(exception))
        {
            // The client went in the middle of something, such as the handshake; that is its right.
        }
        catch (Exception exception)
        {
            door.Logger.SessionFailed(exception, connection.ConnectionId);
        }
        finally
        {
            census.Leave(client);
            door.Metrics.SessionClosed(door.Tls);
            door.Logger.Disconnected(connection.ConnectionId, wire.End);
        }
    }

    // In clear text even where TLS is expected: the client learns nothing else, and a handshake is what we want to save.
    private static Task TurnAwayAsync(SmtpWire wire, ReadOnlySpan<byte> reply)
    {
        wire.Write(reply);
        return wire.CloseAsync();
    }

    private static IPAddress AddressOf(ConnectionContext connection) => connection.RemoteEndPoint is IPEndPoint { Address: var address }
        ? address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address
        : IPAddress.None;
}
