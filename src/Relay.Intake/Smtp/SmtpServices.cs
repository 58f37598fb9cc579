using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Relay.Intake.Smtp;

/// <summary>The SMTP doors among the intake's services.</summary>
internal static class SmtpServices
{
    public static IServiceCollection AddSmtpDoors(this IServiceCollection services, IConfiguration relay)
    {
        services.AddSingleton<IValidateOptions<SubmissionOptions>, SubmissionOptionsValidator>();
        services.AddOptions<SubmissionOptions>()
            .Bind(relay.GetSection(SubmissionOptions.Section))
            .PostConfigure(options =>
            {
                if (options.Listeners.Count == 0)
                {
                    options.Listeners = SubmissionOptions.DefaultListeners;
                }
            })
            .ValidateOnStart();

        services.AddSingleton<IValidateOptions<InboundOptions>, InboundOptionsValidator>();
        services.AddOptions<InboundOptions>().Bind(relay.GetSection(InboundOptions.Section)).ValidateOnStart();

        services.AddSingleton<RoutedMail>();
        services.AddSingleton<PatienceWatch>();
        services.AddSingleton(provider =>
        {
            var limits = provider.GetRequiredService<IOptions<SubmissionOptions>>().Value;
            return new ConnectionCensus(limits.MaxConnections, limits.MaxConnectionsPerAddress);
        });
        return services;
    }
}
