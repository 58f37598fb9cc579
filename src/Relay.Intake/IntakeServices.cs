using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Relay.Intake.Admission;
using Relay.Intake.Domains;
using Relay.Intake.Http;
using Relay.Intake.Limits;
using Relay.Intake.Smtp;
using Relay.Intake.Sockets;
using Relay.Intake.Templates;
using Relay.Mail.Messages;
using Relay.Mail.Tokens;

namespace Relay.Intake;

public static class IntakeServices
{
    /// <summary>The doors and the gate behind them.</summary>
    /// <param name="relay">The <c>Relay</c> section.</param>
    public static IServiceCollection AddRelayIntake(this IServiceCollection services, IConfiguration relay)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddLogins(relay);
        services.AddLimits(relay);
        services.AddOptions<BootstrapOptions>().Bind(relay.GetSection(BootstrapOptions.Section));
        services.AddSendingDomains(relay);
        services.AddMetrics();
        services.AddSingleton<IntakeMetrics>();
        services.TryAddSingleton<MailTokens>();
        services.TryAddSingleton<TokenKeyring>();
        services.AddSingleton<Credentials>();
        services.AddSingleton<SenderRules>();
        services.AddSingleton<ReturnPaths>();
        services.AddSingleton<Alignments>();
        services.AddSingleton<TemplateShelf>();
        services.AddSingleton<AdmissionGate>();
        services.AddSingleton<IOwnMail, OwnMailGate>();
        services.AddSingleton<DoorFiles>();
        services.AddSmtpDoors(relay);
        services.AddHttpDoor(relay);
        return services;
    }
}
