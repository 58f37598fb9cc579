using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Relay.Intake.Sockets;

namespace Relay.Intake.Smtp;

/// <summary>Where the world brings what it answers to our mail.</summary>
public static class InboundListener
{
    /// <summary>Has Kestrel answer SMTP there.</summary>
    /// <param name="kestrel">Has the mail transport, <see cref="MailTransportServices.UseMailTransport"/>.</param>
    /// <param name="services">Needs the intake, an <see cref="IServerCertificate"/> and an <see cref="Mail.Incoming.IIncomingMail"/>.</param>
    public static void AddInboundListener(this KestrelServerOptions kestrel, IServiceProvider services)
    {
        var limits = services.GetRequiredService<IOptions<InboundOptions>>().Value;
        var handler = new SmtpConnectionHandler(
            SmtpDoors.ForInbound(services),
            new ConnectionCensus(limits.MaxConnections, limits.MaxConnectionsPerAddress),
            services.GetRequiredService<DoorFiles>(),
            services.GetRequiredService<PatienceWatch>());
        kestrel.Listen(new MailEndPoint(EndPointOf(limits)), listen => listen.Run(handler.OnConnectedAsync));
    }

    public static IPEndPoint EndPointOf(InboundOptions options) => new(IPAddress.Parse(options.Address), options.Port);
}
