using Microsoft.Extensions.Logging;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Delivery;

/// <summary>What delivery logs: ids, hosts and replies; never a body, a subject or a login.</summary>
internal static partial class DeliveryLog
{
    /// <summary>An event of a message, with its id in scope.</summary>
    public static void Happened(this ILogger logger, MailEvent happened)
    {
        // A delivery is the usual thing: at thousands a second it is not worth a line unless someone asks for it.
        var level = happened.Type switch
        {
            MailEventType.Delivered => LogLevel.Debug,
            MailEventType.Uncertain => LogLevel.Warning,
            _ => LogLevel.Information,
        };
        if (logger.IsEnabled(level))
        {
            using var scope = logger.BeginScope(new KeyValuePair<string, object>[] { new("MessageId", happened.Message) });
            if (happened.NextAttempt is { } next)
            {
                Postponed(logger, level, happened.Message, happened.Type, happened.Attempt, happened.Host, happened.Address, happened.Reply, next);
            }
            else
            {
                Happened(logger, level, happened.Message, happened.Type, happened.Attempt, happened.Host, happened.Address, happened.Reply);
            }
        }
    }

    [LoggerMessage(EventId = 1, Message = "{MessageId} {Type}, attempt {Attempt}, {Host} [{Address}]: {Reply}")]
    private static partial void Happened(
        ILogger logger, LogLevel level, MessageId messageId, MailEventType type, int? attempt, string? host, string? address, string? reply);

    [LoggerMessage(EventId = 8, Message = "{MessageId} {Type}, attempt {Attempt}, {Host} [{Address}]: {Reply}; next attempt {NextAttempt:u}")]
    private static partial void Postponed(
        ILogger logger, LogLevel level, MessageId messageId, MailEventType type, int? attempt, string? host, string? address, string? reply, DateTimeOffset nextAttempt);

    [LoggerMessage(EventId = 2, Level = LogLevel.Error, Message = "Leasing due mail failed; trying again shortly")]
    public static partial void LeasingFailed(this ILogger logger, Exception exception);

    [LoggerMessage(EventId = 3, Level = LogLevel.Warning, Message = "{Unit} could not be settled before the stop; it will be tried again")]
    public static partial void SettlementGivenUp(this ILogger logger, UnitId unit);

    [LoggerMessage(EventId = 4, Level = LogLevel.Error, Message = "{Unit} could not be settled")]
    public static partial void SettlementFailed(this ILogger logger, UnitId unit, Exception exception);

    [LoggerMessage(EventId = 5, Level = LogLevel.Error, Message = "{Unit}: the attempt failed for a reason of ours")]
    public static partial void AttemptFailed(this ILogger logger, UnitId unit, Exception exception);

    [LoggerMessage(EventId = 24, Level = LogLevel.Error, Message = "Routing {Domain} failed for a reason of ours")]
    public static partial void RoutingFailed(this ILogger logger, string domain, Exception exception);

    [LoggerMessage(EventId = 6, Level = LogLevel.Information, Message = "Delivery stops: {Units} units in flight are finished first")]
    public static partial void Stopping(this ILogger logger, int units);

    [LoggerMessage(EventId = 11, Level = LogLevel.Warning, Message = "The MTA-STS policy of {Domain} could not be had: {Words}")]
    public static partial void StsNotFetched(this ILogger logger, string domain, string words);

    [LoggerMessage(EventId = 10, Level = LogLevel.Warning, Message = "{Host} [{Address}] would have been refused for {Domain} if its MTA-STS policy, which is in testing mode, were enforced: {Trouble}")]
    public static partial void WouldHaveFailed(this ILogger logger, string domain, string host, string? address, TlsPolicies.TlsTrouble trouble);

    [LoggerMessage(EventId = 12, Level = LogLevel.Warning, Message = "How sessions with the hosts of {Domain} went could not be written yet: {Words}")]
    public static partial void TlsTotalsNotWritten(this ILogger logger, string domain, string words);

    [LoggerMessage(EventId = 13, Level = LogLevel.Warning, Message = "TLS reports are put off: {Words}")]
    public static partial void TlsReportsPutOff(this ILogger logger, string words);

    [LoggerMessage(EventId = 14, Level = LogLevel.Warning, Message = "The TLS report for {Domain} could not be handed in at {Place}: {Words}")]
    public static partial void TlsReportNotSent(this ILogger logger, string domain, Uri place, string words);

    [LoggerMessage(EventId = 15, Level = LogLevel.Information, Message = "The TLS report for {Domain} on {Day} is on its way to {Place}")]
    public static partial void TlsReportSent(this ILogger logger, string domain, Uri place, DateOnly day);

    [LoggerMessage(EventId = 16, Level = LogLevel.Error, Message = "Writing how TLS sessions went failed for a reason of ours")]
    public static partial void TlsTotalsFailed(this ILogger logger, Exception exception);

    [LoggerMessage(EventId = 17, Level = LogLevel.Error, Message = "The TLS report for {Domain} failed for a reason of ours")]
    public static partial void TlsReportFailed(this ILogger logger, string domain, Exception exception);

    [LoggerMessage(EventId = 18, Level = LogLevel.Error, Message = "{MessageId}: a copy of it could not be signed for {Domain}")]
    public static partial void CopyNotSigned(this ILogger logger, MessageId messageId, string domain, Exception exception);

    [LoggerMessage(EventId = 31, Level = LogLevel.Error, Message = "{MessageId}: the report to its sender could not be written, and is left out")]
    public static partial void ReportNotWritten(this ILogger logger, MessageId messageId, Exception exception);

    [LoggerMessage(EventId = 19, Level = LogLevel.Warning, Message = "A dialogue of {MessageId} could not be kept")]
    public static partial void TranscriptLost(this ILogger logger, MessageId messageId, Exception? exception);

    [LoggerMessage(EventId = 7, Level = LogLevel.Warning, Message = "Delivery did not finish in time; connections are closed now")]
    public static partial void StoppingHard(this ILogger logger);

    [LoggerMessage(EventId = 20, Level = LogLevel.Warning, Message = "{Host} refuses for a reason that does not mend itself, {Rule}: {Reply}")]
    public static partial void NeedsAttention(this ILogger logger, string? host, string rule, string reply);

    [LoggerMessage(EventId = 32, Level = LogLevel.Warning, Message = "No new connections are made for a while: {Words}")]
    public static partial void NodePaused(this ILogger logger, string words);

    [LoggerMessage(EventId = 33, Level = LogLevel.Warning, Message = "Some mail waits for a moment without an attempt: {Words}")]
    public static partial void PlaceLeftAlone(this ILogger logger, string words);

    [LoggerMessage(EventId = 21, Level = LogLevel.Information, Message = "Rules for providers read from {Path}: {Count} in force")]
    public static partial void ProviderRulesRead(this ILogger logger, string path, int count);

    [LoggerMessage(EventId = 22, Level = LogLevel.Error, Message = "Rules for providers in {Path} have a mistake, those before stay in force: {Reason}")]
    public static partial void ProviderRulesWrong(this ILogger logger, string path, string reason);

    [LoggerMessage(LogLevel.Debug, "The rates of accounts could not be read, and stay as they were: {Reason}")]
    public static partial void RatesNotRead(this ILogger logger, string reason);

    [LoggerMessage(EventId = 23, Level = LogLevel.Warning, Message = "This node's share of {Provider} could not be renewed: {Reason}")]
    public static partial void ShareNotRenewed(this ILogger logger, string provider, string reason);

    [LoggerMessage(EventId = 25, Level = LogLevel.Debug, Message = "How the sites of this node stand could not be put up for the others: {Reason}")]
    public static partial void SitesNotPosted(this ILogger logger, string reason);

    [LoggerMessage(EventId = 26, Level = LogLevel.Warning, Message = "The webhook {Webhook} of {Account} fails, and is left alone for a while: {Words}")]
    public static partial void WebhookFails(this ILogger logger, string webhook, string account, string words);

    [LoggerMessage(EventId = 27, Level = LogLevel.Information, Message = "The webhook {Webhook} of {Account} takes events again")]
    public static partial void WebhookRecovered(this ILogger logger, string webhook, string account);

    [LoggerMessage(EventId = 28, Level = LogLevel.Warning, Message = "The webhook {Webhook} of {Account} never took {Count} events, which are given up")]
    public static partial void EventsGivenUp(this ILogger logger, string webhook, string account, int count);

    [LoggerMessage(EventId = 29, Level = LogLevel.Warning, Message = "What waits for webhooks could not be read or given back: {Reason}")]
    public static partial void EventsNotRead(this ILogger logger, string reason);

    [LoggerMessage(EventId = 30, Level = LogLevel.Error, Message = "Events for the webhook {Webhook} of {Account} could not be posted")]
    public static partial void EventsNotPosted(this ILogger logger, string webhook, string account, Exception exception);
}
