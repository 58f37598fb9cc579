using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Relay.Mail.Lists;
using Relay.Mail.Tokens;

namespace Relay.Feedback.Lists;

/// <summary>List mail among the services: its header fields, and what becomes of a click on them.</summary>
internal static class ListServices
{
    // The HTTP door's own setting: where the world reaches it.
    private const string PublicUrl = "Http:PublicUrl";

    public static IServiceCollection AddListMail(this IServiceCollection services, IConfiguration relay)
    {
        services.AddSingleton<IValidateOptions<ListOptions>, ListOptionsValidator>();
        services.AddOptions<ListOptions>().Bind(relay.GetSection(ListOptions.Section)).ValidateOnStart();
        services.AddSingleton(provider => new ListFields(
            provider.GetRequiredService<MailTokens>(),
            Uri.TryCreate(relay[PublicUrl], UriKind.Absolute, out var web) ? web : null,
            provider.GetRequiredService<IOptions<ListOptions>>().Value));
        services.AddSingleton<OptOuts>();
        services.AddSingleton<IUnsubscribes, Unsubscribes>();
        return services;
    }
}

[OptionsValidator]
internal sealed partial class ListOptionsValidator : IValidateOptions<ListOptions>;
