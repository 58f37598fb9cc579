using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Relay.Delivery.Connections;
using Relay.Delivery.Hooks;
using Relay.Delivery.Providers;
using Relay.Delivery.Routing;
using Relay.Delivery.Scheduling;
using Relay.Delivery.Sending;
using Relay.Delivery.Sources;
using Relay.Delivery.TlsPolicies;
using Relay.Delivery.TlsReports;
using Relay.Delivery.Transcripts;
using Relay.Mail.Domains;
using Relay.Mail.Queue;
using Relay.Mail.Sites;

namespace Relay.Delivery;

public static class DeliveryServices
{
    /// <summary>
    /// Adds the part that takes due work from the queue and brings it to its recipients' hosts. Needs the queue, the content
    /// store and the inbox of a store, and the failure reports.
    /// </summary>
    /// <param name="relay">The <c>Relay</c> section.</param>
    public static IServiceCollection AddRelayDelivery(this IServiceCollection services, IConfiguration relay)
    {
        services.AddRelayDomainRecords(relay);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<DeliveryMetrics>();

        services.AddSingleton(OwnListeners.From(relay));
        services.AddSingleton<OwnMeans>();
        services.AddSingleton<RouteTable>();
        services.AddSingleton<Resolver>();
        services.AddSingleton<AddressPolicy>();
        services.AddSingleton<Router>();

        services.AddSingleton<CheckedHttp>();
        services.AddSingleton<StsFetcher>();
        services.AddSingleton<StsPolicies>();
        services.AddSingleton<DaneLookup>();
        services.AddSingleton<TermsFinder>();
        services.AddSingleton<TlsSessions>();
        services.AddSingleton<IDestinations, DestinationExaminer>();

        services.AddSingleton<TlsTally>();
        services.AddHostedService(provider => provider.GetRequiredService<TlsTally>());
        services.AddSingleton<TlsReportAuthor>();
        services.AddSingleton<TlsReportPost>();
        services.AddSingleton<TlsReportSender>();
        services.AddHostedService(provider => provider.GetRequiredService<TlsReportSender>());

        services.AddSingleton<HostBreakers>();
        services.AddSingleton<ChunkingHosts>();
        services.AddSingleton<UnwantedSources>();
        services.AddSingleton<SourceAddresses>();
        services.AddSingleton<SourcePools>();
        services.AddSingleton<AddressRace>();
        services.AddSingleton<Greeter>();
        services.AddSingleton<Connector>();

        services.AddSingleton<TranscriptKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<TranscriptKeeper>());

        services.AddSingleton<RetrySchedule>();
        services.AddSingleton<Settlements>();
        services.AddSingleton<Alerts>();
        services.AddSingleton<SevenBitCopies>();
        services.AddSingleton<PersonalCopies>();
        services.AddSingleton<CourierOffice>();
        services.AddSingleton<InboxDelivery>();
        services.AddSingleton<Simulator>();
        services.AddSingleton<HookPost>();
        services.AddSingleton<WebhookDelivery>();
        services.AddSingleton<Endpoints>();
        services.AddSingleton<EventSender>();
        services.AddHostedService<EventPosts>();

        services.AddSingleton<ProviderTable>();
        services.AddSingleton<ProviderDirectory>();
        services.AddSingleton<NodeShares>();
        services.AddSingleton<ISiteReader, SiteReader>();

        services.AddSingleton<DeliveryWindow>();
        services.AddSingleton<NodePause>();
        services.AddSingleton<AccountRates>();
        services.AddHostedService<StoredRates>();
        services.AddSingleton<Settler>();
        services.AddSingleton<RestingSites>();
        services.AddSingleton<BlockedDomains>();
        services.AddSingleton<Aftermath>();
        services.AddSingleton<SiteDirectory>();
        services.AddSingleton<SuppressionCheck>();
        services.AddSingleton<FreshSuppressions>();
        services.AddSingleton<Dispatcher>();
        services.AddSingleton<DeliveryDesk>();
        services.AddSingleton<IDeliveryDesk>(provider => provider.GetRequiredService<DeliveryDesk>());
        services.AddHostedService<ShareKeeper>();
        services.AddHostedService<DeliveryPump>();
        return services;
    }

    /// <summary>Adds the look-up of published records alone: a node that delivers nothing verifies domains too.</summary>
    /// <param name="relay">The <c>Relay</c> section.</param>
    public static IServiceCollection AddRelayDomainRecords(this IServiceCollection services, IConfiguration relay)
    {
        // A list bound twice holds everything twice.
        if (services.Any(service => service.ServiceType == typeof(IDomainRecords)))
        {
            return services;
        }

        services.AddOptions<DeliveryOptions>().Bind(relay.GetSection(DeliveryOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<DeliveryOptions>, DeliveryOptionsValidator>();
        services.AddSingleton<IValidateOptions<DeliveryOptions>, DeliveryOptionsRules>();
        services.AddSingleton<IDomainRecords, DomainRecords>();
        return services;
    }
}
