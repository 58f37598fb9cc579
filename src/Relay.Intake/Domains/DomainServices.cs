using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Relay.Mail;
using Relay.Mail.Signing;

namespace Relay.Intake.Domains;

/// <summary>Sending domains among the intake's services.</summary>
internal static class DomainServices
{
    public static IServiceCollection AddSendingDomains(this IServiceCollection services, IConfiguration relay)
    {
        services.AddSingleton<IValidateOptions<DomainOptions>, DomainOptionsValidator>();
        services.AddSingleton<IValidateOptions<DomainOptions>, DomainOptionsRules>();
        services.AddOptions<DomainOptions>().Bind(relay.GetSection(DomainOptions.Section)).ValidateOnStart();
        services.AddSingleton(provider => new KeySeal(provider.GetRequiredService<IOptions<DomainOptions>>().Value.Secrets));
        services.AddSingleton(provider => new RecordList(
            provider.GetRequiredService<IOptions<RelayOptions>>().Value.HostName, provider.GetRequiredService<IOptions<DomainOptions>>().Value));
        services.AddSingleton<SendingDomains>();
        services.AddSingleton<SendingAddresses>();
        services.AddSingleton<ISigners>(provider => provider.GetRequiredService<SendingDomains>());
        services.AddSingleton<DomainExaminer>();
        services.AddSingleton<DomainVerification>();
        services.AddSingleton<HostNameCheck>();
        services.AddSingleton<ReceiverChecklist>();
        services.AddHostedService<DomainWatch>();
        services.AddHostedService<HostNameWatch>();
        return services;
    }
}
