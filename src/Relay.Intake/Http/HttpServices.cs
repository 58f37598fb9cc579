using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Relay.Intake.Http.Domains;
using Relay.Intake.Http.Inbox;
using Relay.Intake.Http.Incoming;
using Relay.Intake.Http.Keys;
using Relay.Intake.Http.Limits;
using Relay.Intake.Http.Messages;
using Relay.Intake.Http.Queue;
using Relay.Intake.Http.Senders;
using Relay.Intake.Http.Routes;
using Relay.Intake.Http.Sending;
using Relay.Intake.Http.Statistics;
using Relay.Intake.Http.Suppressions;
using Relay.Intake.Http.Templates;
using Relay.Intake.Http.Unsubscribing;
using Relay.Intake.Http.Webhooks;

namespace Relay.Intake.Http;

/// <summary>The HTTP door among the intake's services.</summary>
internal static class HttpServices
{
    public static IServiceCollection AddHttpDoor(this IServiceCollection services, IConfiguration relay)
    {
        services.AddSingleton<IValidateOptions<HttpOptions>, HttpOptionsValidator>();
        services.AddOptions<HttpOptions>().Bind(relay.GetSection(HttpOptions.Section)).ValidateOnStart();

        services.AddSingleton<IConfigureOptions<KestrelServerOptions>, KestrelLimits>();

        services.AddSingleton<BodyBudget>();
        services.AddSingleton<Mailer>();
        services.AddSingleton<SendEndpoint>();
        services.AddSingleton<BatchEndpoint>();
        services.AddSingleton<TemplatedMail>();
        services.AddSingleton<TemplateEndpoints>();
        services.AddSingleton<MessageEndpoints>();
        services.AddSingleton<TranscriptEndpoint>();
        services.AddSingleton<InboxEndpoints>();
        services.AddSingleton<AsideEndpoints>();
        services.AddSingleton<TokenEndpoint>();
        services.AddSingleton<RouteEndpoints>();
        services.AddSingleton<WebhookEndpoints>();
        services.AddSingleton<KeyEndpoints>();
        services.AddSingleton<AccountEndpoints>();
        services.AddSingleton<LimitsEndpoint>();
        services.AddSingleton<DomainEndpoints>();
        services.AddSingleton<ConfirmationMail>();
        services.AddSingleton<ConfirmationPage>();
        services.AddSingleton<SenderEndpoints>();
        services.AddSingleton<SuppressionEndpoints>();
        services.AddSingleton<SuppressionList>();
        services.AddSingleton<UnsubscribeEndpoints>();
        services.AddSingleton<WaitingReasons>();
        services.AddSingleton<NodesEndpoint>();
        services.AddSingleton<DestinationEndpoint>();
        services.AddSingleton<SitesEndpoint>();
        services.AddSingleton<CancelEndpoint>();
        services.AddSingleton<QueueEndpoint>();
        services.AddSingleton<QueueRequestReader>();
        services.AddSingleton<QueuePreviews>();
        services.AddSingleton<SuspensionEndpoints>();
        services.AddSingleton<AskEndpoints>();
        services.AddSingleton<StatisticsEndpoint>();
        return services;
    }
}
