using System.Net;

namespace Relay.Intake.Sockets;

/// <summary>An address where mail is spoken, by which <see cref="MailTransport"/> tells it from one for HTTP.</summary>
internal sealed class MailEndPoint(IPEndPoint place) : IPEndPoint(place.Address, place.Port);
