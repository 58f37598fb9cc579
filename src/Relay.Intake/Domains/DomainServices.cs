using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Relay.Mail;
using Relay.Mail.Signing;

namespace Relay.Intake.Domains;

/// <summary>Sending domains among the intake's services.</summary>
internal static class DomainServices
{
    // What mail is sent from, which those who deliver are told.
    private const string Delivery = "Delivery";

    public static IServiceCollection AddSendingDomains(this IServiceCollection services, IConfiguration relay)
    {
        services.AddSingleton<IValidateOptions<DomainOptions>, DomainOptionsValidator>();
        services.AddSingleton<IValidateOptions<DomainOptions>, DomainOptionsRules>();
        services.AddOptions<DomainOptions>().Bind(relay.GetSection(DomainOptions.Section)).ValidateOnStart();
        services.AddSingleton(provider => new KeySeal(provider.GetRequiredService<IOptions<DomainOptions>>().Value.Secrets));
        services.AddSingleton(provider => RelayHosts.Of(
            provider.GetRequiredService<IOptions<RelayOptions>>().Value.HostName,
            provider.GetRequiredService<IOptions<DomainOptions>>().Value,
            [.. SourcesIn(relay.GetSection(Delivery))]));
        services.AddSingleton(provider => new RecordList(
            provider.GetRequiredService<RelayHosts>(), provider.GetRequiredService<IOptions<DomainOptions>>().Value));
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

    // Checked where mail is sent; here only what reads as an address matters.
    private static IEnumerable<(IPAddress Address, string? Name)> SourcesIn(IConfigurationSection delivery)
    {
        var plain = delivery.GetSection("SourceAddresses").GetChildren().Select(address => (Text: address.Value, Name: (string?)null));
        var pooled = delivery.GetSection("Pools").GetChildren()
            .SelectMany(pool => pool.GetSection("Addresses").GetChildren())
            .Select(address => (Text: address["Address"], Name: address["HostName"]));
        foreach (var (text, name) in plain.Concat(pooled))
        {
            if (IPAddress.TryParse(text, out var address))
            {
                yield return (address, string.IsNullOrWhiteSpace(name) ? null : name);
            }
        }
    }
}
