using Microsoft.Extensions.Options;
using Relay.Host.Certificates;
using Relay.Host.FirstStart;
using Relay.Host.Health;
using Relay.Host.Listening;
using Relay.Host.Settings;
using Relay.Intake.Smtp;
using Relay.Mail;

namespace Relay.Host.Serving;

internal static class ProcessServices
{
    /// <summary>What belongs to the process itself: its roles, its doors' state, its first start and its end.</summary>
    /// <param name="relay">The <c>Relay</c> section.</param>
    public static IServiceCollection AddRelayProcess(this IServiceCollection services, IConfiguration relay)
    {
        services.AddSingleton<IValidateOptions<RelayOptions>, RelayOptionsValidator>();
        services.AddOptions<RelayOptions>().Bind(relay).ValidateOnStart();
        services.AddSingleton<IValidateOptions<ProcessOptions>, ProcessOptionsValidator>();
        services.AddOptions<ProcessOptions>().Bind(relay).ValidateOnStart();

        services.AddOptions<HostOptions>().Configure<IOptions<ProcessOptions>>((host, process) =>
        {
            host.ShutdownTimeout = process.Value.ShutdownTimeout;
            // A loop that ends by a fault leaves mail lying; a supervisor must see the process end and start it again.
            host.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.StopHost;
        });

        services.AddSingleton<IValidateOptions<TlsOptions>, TlsOptionsValidator>();
        services.AddOptions<TlsOptions>().Bind(relay.GetSection(TlsOptions.Section)).ValidateOnStart();

        services.AddSingleton<IServerCertificate, ServerCertificate>();
        services.AddSingleton<Listeners>();
        services.AddSingleton<ReadinessCheck>();
        services.AddHostedService(host => new IdleMemory(host.GetRequiredService<TimeProvider>()));
        services.AddHostedService<Remarks>();
        services.AddHostedService<FirstStartService>();
        return services;
    }
}
