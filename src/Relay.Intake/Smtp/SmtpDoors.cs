using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Intake.Admission;
using Relay.Intake.Domains;
using Relay.Mail;
using Relay.Mail.Incoming;
using Relay.Mail.Queue;

namespace Relay.Intake.Smtp;

/// <summary>Puts together what a listener of each kind needs.</summary>
internal static class SmtpDoors
{
    public static SmtpDoor ForSubmission(IServiceProvider services, ListenerTls tls)
    {
        var limits = services.GetRequiredService<IOptions<SubmissionOptions>>().Value;
        var gate = services.GetRequiredService<AdmissionGate>();
        return Open(services, tls, limits, new LoginDesk(services.GetRequiredService<Logins>(), limits), (hostName, metrics, time, logger) =>
            new SubmissionDesk(gate, services.GetRequiredService<IContentStore>(), limits.RepeatsWithin, hostName, metrics, time, logger));
    }

    public static SmtpDoor ForInbound(IServiceProvider services)
    {
        var limits = services.GetRequiredService<IOptions<InboundOptions>>().Value;
        var returnPath = services.GetRequiredService<IOptions<DomainOptions>>().Value.ReturnPathLabel;
        return Open(services, ListenerTls.StartTls, limits, logins: null, (hostName, metrics, time, logger) =>
            new InboundDesk(services.GetRequiredService<IIncomingMail>(), services.GetRequiredService<RoutedMail>(), hostName, returnPath, metrics, time, logger));
    }

    private static SmtpDoor Open(
        IServiceProvider services, ListenerTls tls, DoorOptions limits, LoginDesk? logins, Func<string, IntakeMetrics, TimeProvider, ILogger, IMailDesk> deskOf)
    {
        var hostName = services.GetRequiredService<IOptions<RelayOptions>>().Value.HostName;
        var metrics = services.GetRequiredService<IntakeMetrics>();
        var time = services.GetRequiredService<TimeProvider>();
        var logger = services.GetRequiredService<ILogger<SmtpConnectionHandler>>();
        return new SmtpDoor(
            tls,
            new Greeting(hostName, limits.MaxMessageBytes, tls, takesLogins: logins is not null),
            limits,
            logins,
            deskOf(hostName, metrics, time, logger),
            services.GetRequiredService<IServerCertificate>(),
            metrics,
            time,
            logger);
    }
}
