using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Relay.Intake.Limits;

/// <summary>Rates and quotas among the intake's services.</summary>
internal static class LimitServices
{
    public static IServiceCollection AddLimits(this IServiceCollection services, IConfiguration relay)
    {
        services.AddSingleton<IValidateOptions<LimitOptions>, LimitOptionsValidator>();
        services.AddOptions<LimitOptions>().Bind(relay.GetSection(LimitOptions.Section)).ValidateOnStart();
        services.AddSingleton<Quotas>();
        services.AddSingleton<KeyPace>();
        services.AddSingleton<PreviewPace>();
        return services;
    }
}
