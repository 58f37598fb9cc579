using Relay.Mail.Bounces;
using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.Mail.Queue;

/// <summary>How a unit ends that its sender cancelled or an administrator bounced.</summary>
public static class AskedEnd
{
    public const string CancelRule = "admin.cancel";
    public const string BounceRule = "admin.bounce";

    // RFC 3463, 3.8: refused by policy; no mailbox and no host is at fault.
    private const string BounceStatus = "5.7.1";

    /// <param name="reports">Null where failures are reported to nobody.</param>
    public static Settlement Of(Lease lease, QueueAsk ask, IFailureReports? reports, DateTimeOffset now)
    {
        var bounces = ask.Kind == AskKind.Bounce;
        var open = lease.Open;
        return new Settlement
        {
            Lease = lease,
            Events =
            [
                .. open.Select(recipient => new MailEvent
                {
                    Time = now,
                    Type = bounces ? MailEventType.Bounced : MailEventType.Cancelled,
                    Message = lease.Message.Id,
                    Account = lease.Message.Account,
                    Recipient = lease.Message.Envelope.Recipients[recipient].Address.Text,
                    Reply = ask.Reason.Length == 0 ? null : ask.Reason,
                    Rule = bounces ? BounceRule : CancelRule,
                    By = ask.By,
                    MayHaveBeenDelivered = lease.Unheard is not null || lease.MayHaveBeenDelivered(recipient) ? true : null,
                }),
            ],
            Reports = bounces && ReportOf(lease.Message, open, ask, reports, now) is { } report ? [report] : [],
        };
    }

    private static Message? ReportOf(Message message, IReadOnlyList<int> open, QueueAsk ask, IFailureReports? reports, DateTimeOffset now) =>
        reports?.Compose(message, [.. open.Select(recipient => new FailedRecipient(recipient, BounceStatus, ask.Reason, null, now))]);
}
