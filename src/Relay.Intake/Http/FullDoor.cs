using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Relay.Intake.Sockets;
using Relay.Mail.Messages;

namespace Relay.Intake.Http;

/// <summary>What a client hears that finds the HTTP door full, before it is one of Kestrel's.</summary>
public static class FullDoor
{
    // Closed before its request was read, a client's system may forget our answer. Each of those that wait for theirs has a file.
    private const int MostHeard = 32;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private static readonly byte[] Answer = Compose("""{"title":"Service Unavailable","status":503,"detail":"Too many clients are connected to this relay."}""");

    private static int _heard;

    /// <summary>Has whoever comes when doors have all files that are for them answered 503.</summary>
    public static void TurnAwayWhenFull(this ListenOptions door)
    {
        var files = door.ApplicationServices.GetRequiredService<DoorFiles>();
        var time = door.ApplicationServices.GetRequiredService<TimeProvider>();
        door.Use(next => connection => connection.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket && !files.HasRoomFor(socket, MessageSource.Http)
            ? TurnAwayAsync(connection, time)
            : next(connection));
    }

    private static async Task TurnAwayAsync(ConnectionContext connection, TimeProvider time)
    {
        var isHeard = Interlocked.Increment(ref _heard) <= MostHeard;
        try
        {
            await connection.Transport.Output.WriteAsync(Answer);
            if (isHeard)
            {
                using var patience = new CancellationTokenSource(Patience, time);
                var request = await connection.Transport.Input.ReadAsync(patience.Token);
                connection.Transport.Input.AdvanceTo(request.Buffer.End);
            }
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException)
        {
            // It went, or asks for nothing.
        }
        finally
        {
            Interlocked.Decrement(ref _heard);
        }
    }

    private static byte[] Compose(string body) => Encoding.ASCII.GetBytes(
        $"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: {body.Length}\r\n\r\n{body}");
}
