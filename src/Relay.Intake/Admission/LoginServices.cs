using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Relay.Intake.Admission;

/// <summary>What surrounds a login, among the intake's services.</summary>
internal static class LoginServices
{
    public static IServiceCollection AddLogins(this IServiceCollection services, IConfiguration relay)
    {
        services.AddSingleton<IValidateOptions<LoginOptions>, LoginOptionsValidator>();
        services.AddOptions<LoginOptions>().Bind(relay.GetSection(LoginOptions.Section)).ValidateOnStart();
        services.AddSingleton<LoginThrottle>();
        services.AddSingleton<Logins>();
        services.AddSingleton<KeyUses>();
        services.AddHostedService(provider => provider.GetRequiredService<KeyUses>());
        return services;
    }
}
