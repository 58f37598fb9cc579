using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Relay.Mail.Accounts;
using Relay.Mail.Events;
using Relay.Mail.Inbox;
using Relay.Mail.Incoming;
using Relay.Mail.Policies;
using Relay.Mail.Queue;
using Relay.Mail.Routes;
using Relay.Mail.Sites;
using Relay.Mail.Suppressions;
using Relay.Mail.Templates;
using Relay.Mail.Tokens;
using Relay.Mail.Webhooks;
using Relay.Redis.Accounts;
using Relay.Redis.Activity;
using Relay.Redis.Administration;
using Relay.Redis.Contents;
using Relay.Redis.Durability;
using Relay.Redis.Inbox;
using Relay.Redis.Incoming;
using Relay.Redis.Journal;
using Relay.Redis.Nodes;
using Relay.Redis.Policies;
using Relay.Redis.Queue;
using Relay.Redis.Routes;
using Relay.Redis.Statistics;
using Relay.Redis.Suppressions;
using Relay.Redis.Telemetry;
using Relay.Redis.Templates;
using Relay.Redis.Tokens;
using Relay.Redis.Transcripts;
using Relay.Redis.Usage;
using Relay.Redis.Webhooks;

namespace Relay.Redis;

/// <summary>How mail is kept: in Redis, or in the store inside the process.</summary>
public static class RelayRedis
{
    /// <summary>The name of the meter to be exported.</summary>
    public const string MeterName = RedisMetrics.MeterName;

    /// <summary>Adds the store. Call it before whatever else starts: it opens first and closes last.</summary>
    /// <param name="relay">The <c>Relay</c> section.</param>
    public static IServiceCollection AddRelayRedis(this IServiceCollection services, IConfiguration relay)
    {
        services.AddOptions<StoreOptions>().Bind(relay).Configure(options => TakeRoles(options, relay)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<StoreOptions>, StoreOptionsValidator>();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<RedisMetrics>();

        services.AddSingleton<Store>();
        services.AddSingleton<Window>();
        services.AddSingleton<StoreRetry>();
        services.AddSingleton<Watermark>();
        services.AddSingleton<StoreIdentity>();
        services.AddSingleton<Acknowledgement>();
        services.AddSingleton<UsageStep>();
        services.AddSingleton<AcceptWriter>();
        services.AddSingleton<Drain>();
        services.AddSingleton<FullStoreSettles>();
        services.AddSingleton<SettleWriter>();
        services.AddSingleton<Canceller>();
        services.AddSingleton<SlotChoice>();
        services.AddSingleton<Aside>();
        services.AddSingleton<LowerBounds>();
        services.AddSingleton<LaneSearch>();
        services.AddSingleton<Refiller>();
        services.AddSingleton<UnitReader>();
        services.AddSingleton<DotWriter>();
        services.AddSingleton<LocalJournal>();
        services.AddSingleton<KnownAttempts>();
        services.AddSingleton<Recovery>();
        services.AddSingleton<NodeRegistry>();
        services.AddSingleton<Wakes>();
        services.AddSingleton<Renewals>();
        services.AddSingleton<PartitionShares>();
        services.AddSingleton<Ownership>();
        services.AddSingleton<WebhookArrivals>();
        services.AddSingleton<Projector>();
        services.AddSingleton<RedisSuspensions>();
        services.AddSingleton<Bell>();
        services.AddSingleton<AskWorker>();
        services.AddSingleton<DepthWalk>();
        services.AddSingleton(provider => new LaneWalk(provider.GetRequiredService<Store>()));
        services.AddSingleton<StoreWatch>();
        services.AddSingleton<StoreService>();
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<StoreService>());

        services.AddSingleton<IStoreHealth>(provider => provider.GetRequiredService<StoreWatch>());
        services.AddSingleton<IMailQueue, RedisMailQueue>();
        services.AddSingleton<IQueueReader, RedisQueueReader>();
        services.AddSingleton<IQueueAdministration, RedisQueueAdministration>();
        services.AddSingleton<INodeReader, RedisNodeReader>();
        services.AddSingleton<ISiteBoard, RedisSiteBoard>();
        services.AddSingleton<ISuspensions>(provider => provider.GetRequiredService<RedisSuspensions>());
        services.AddSingleton<IContentStore, RedisContentStore>();
        services.AddSingleton<RedisActivityReader>();
        services.AddSingleton<IActivityReader>(provider => provider.GetRequiredService<RedisActivityReader>());
        services.AddSingleton<IIncomingStore, RedisIncomingStore>();
        services.AddSingleton<BrokenDocuments>();
        services.AddSingleton<IStatisticsReader, RedisStatisticsReader>();
        services.AddSingleton<Documents>();
        services.AddSingleton<AccountChanges>();
        services.AddSingleton<IAccountStore, RedisAccountStore>();
        services.AddSingleton<ISenderStore, RedisSenderStore>();
        services.AddSingleton<ITemplateStore, RedisTemplateStore>();
        services.AddSingleton<IAnswerStore, RedisAnswerStore>();
        services.AddSingleton<IUsageReader, RedisUsageReader>();
        services.AddSingleton<InboxRoom>();
        services.AddSingleton<IInbox, RedisInbox>();
        services.AddSingleton<ISuppressionStore, RedisSuppressionStore>();
        services.AddSingleton<SuppressionNews>();
        services.AddSingleton<ISuppressionNews>(provider => provider.GetRequiredService<SuppressionNews>());
        services.AddSingleton<ITranscriptStore, RedisTranscriptStore>();
        services.AddSingleton<ITokenKeyStore, RedisTokenKeyStore>();
        services.AddSingleton<IInboundRouteStore, RedisInboundRouteStore>();
        services.AddSingleton<RedisWebhookStore>();
        services.AddSingleton<IWebhookStore>(provider => provider.GetRequiredService<RedisWebhookStore>());
        services.AddSingleton<WebhookDirectory>();
        services.AddSingleton<WaitingLanes>();
        services.AddSingleton<WebhookBounds>();
        services.AddSingleton<WebhookReader>();
        services.AddSingleton<WebhookLanes>();
        services.AddSingleton<IWebhookLanes>(provider => provider.GetRequiredService<WebhookLanes>());
        services.AddSingleton<IWebhookTraffic, RedisWebhookTraffic>();
        services.AddSingleton<IStsPolicyStore, RedisStsPolicyStore>();
        services.AddSingleton<ITlsReportStore, RedisTlsReportStore>();
        return services;
    }

    private static void TakeRoles(StoreOptions options, IConfiguration relay)
    {
        var roles = relay.GetSection("Roles").GetChildren().Select(role => role.Value?.ToLowerInvariant()).OfType<string>().ToList();
        options.Roles = roles.Count == 0 ? ["intake", "delivery", "feedback"] : roles;
        options.Delivers = options.Roles.Contains("delivery");
    }
}
