using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Relay.Intake.Sockets;

namespace Relay.Intake.Smtp;

/// <summary>Where the door stands: one end point for each listener.</summary>
public static class SubmissionListeners
{
    /// <summary>Has Kestrel answer SMTP on every end point of the door.</summary>
    /// <param name="kestrel">Has the mail transport, <see cref="MailTransportServices.UseMailTransport"/>.</param>
    /// <param name="services">Needs the intake and an <see cref="IServerCertificate"/>.</param>
    /// <param name="wanted">Says no to an end point that is to be left out; null takes all.</param>
    public static void AddSubmissionListeners(this KestrelServerOptions kestrel, IServiceProvider services, Predicate<SubmissionEndPoint>? wanted = null)
    {
        foreach (var endPoint in EndPointsOf(services.GetRequiredService<IOptions<SubmissionOptions>>().Value))
        {
            if (wanted is null || wanted(endPoint))
            {
                var handler = new SmtpConnectionHandler(
                    SmtpDoors.ForSubmission(services, endPoint.Tls),
                    services.GetRequiredService<ConnectionCensus>(),
                    services.GetRequiredService<DoorFiles>(),
                    services.GetRequiredService<PatienceWatch>());
                kestrel.Listen(new MailEndPoint(endPoint.Address), listen => listen.Run(handler.OnConnectedAsync));
            }
        }
    }

    /// <summary>Address, port and TLS of each listener, as the settings name them.</summary>
    public static IReadOnlyList<SubmissionEndPoint> EndPointsOf(SubmissionOptions options) =>
        [.. options.Listeners.Select(listener => new SubmissionEndPoint(new IPEndPoint(AddressOf(listener, options), listener.Port), listener.Tls))];

    // Logins in clear text stay on this machine unless the listener itself says where it stands.
    private static IPAddress AddressOf(SubmissionListener listener, SubmissionOptions options) =>
        listener.Address is { } own ? IPAddress.Parse(own)
        : listener.Tls == ListenerTls.None ? IPAddress.Loopback
        : IPAddress.Parse(options.Address);
}

public sealed record SubmissionEndPoint(IPEndPoint Address, ListenerTls Tls);
