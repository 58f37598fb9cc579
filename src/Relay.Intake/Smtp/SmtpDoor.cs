using Microsoft.Extensions.Logging;

namespace Relay.Intake.Smtp;

/// <summary>What all sessions of a listener share.</summary>
/// <param name="Logins">Null where nobody logs in.</param>
internal sealed record SmtpDoor(
    ListenerTls Tls,
    Greeting Greeting,
    DoorOptions Limits,
    LoginDesk? Logins,
    IMailDesk Desk,
    IServerCertificate Certificate,
    IntakeMetrics Metrics,
    TimeProvider Time,
    ILogger Logger);
