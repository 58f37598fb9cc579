using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Relay.Feedback.Bounces;
using Relay.Feedback.Lists;
using Relay.Feedback.Returns;
using Relay.Feedback.Tokens;
using Relay.Mail.Bounces;
using Relay.Mail.Incoming;
using Relay.Mail.Tokens;

namespace Relay.Feedback;

public static class FeedbackServices
{
    /// <summary>What is told about a message once it has an outcome.</summary>
    /// <param name="relay">The <c>Relay</c> section.</param>
    public static IServiceCollection AddRelayFeedback(this IServiceCollection services, IConfiguration relay)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IFailureReports, FailureReports>();
        services.AddSingleton<FeedbackMetrics>();
        services.AddSingleton<Findings>();
        services.AddSingleton<IIncomingMail, ReturnsDesk>();
        services.TryAddSingleton<MailTokens>();
        services.TryAddSingleton<TokenKeyring>();
        services.AddHostedService<TokenKeyWatch>();
        services.AddListMail(relay);
        return services;
    }
}
