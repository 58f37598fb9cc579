using Microsoft.Extensions.Logging;
using Relay.Intake.Admission;
using Relay.Mail.Queue;

namespace Relay.Intake.Smtp;

/// <summary>What all sessions of a listener share.</summary>
internal sealed record SmtpDoor(
    ListenerTls Tls,
    string HostName,
    Greeting Greeting,
    SubmissionOptions Limits,
    AdmissionGate Gate,
    IContentStore Contents,
    IServerCertificate Certificate,
    IntakeMetrics Metrics,
    TimeProvider Time,
    ILogger Logger);
