using System.Net.Security;

namespace Relay.Intake.Smtp;

/// <summary>The certificate with which the doors prove who they are. Asked at each handshake, so a renewed one is used at once.</summary>
public interface IServerCertificate
{
    /// <summary>With its chain; null while there is none, and then STARTTLS is not offered.</summary>
    SslStreamCertificateContext? Current { get; }
}
