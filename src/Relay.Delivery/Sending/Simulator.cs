using Microsoft.Extensions.Logging;
using Relay.Delivery.Scheduling;
using Relay.Mail.Classification;
using Relay.Mail.Events;
using Relay.Mail.Inbox;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Smtp.Replies;

namespace Relay.Delivery.Sending;

/// <summary>
/// Plays the receivers of <see cref="SimulatedMail.Domain"/>, for whoever wants to see what their software does when mail bounces. All but the
/// last hop is real: queue, attempts, classification, events, reports. What comes of it hangs on the part before the <c>@</c>; a
/// part behind a plus sign tells addresses apart, and <c>+suppress</c> lets the end have its usual consequence for later mail.
/// <code>
/// delivered   taken at once
/// bounce      there is no such user
/// defer       put off at the first attempt, taken at the second
/// slow        taken after ten seconds
/// complaint   taken, and then called spam
/// </code>
/// </summary>
internal sealed class Simulator(IMailQueue queue, IInbox inbox, Settlements settlements, Settler settler, TimeProvider time, ILogger<Simulator> logger)
{
    private const string OptIn = "suppress";

    private static readonly TimeSpan Slowness = TimeSpan.FromSeconds(10);

    private static readonly Outcome Taken = new Outcome.Delivered("250 2.0.0 Ok: simulated");

    private static readonly Contact Here = new("simulator", null);

    public static bool IsFor(Lease lease) => lease.Unit.Lane.Domain == SimulatedMail.Domain;

    public async Task DeliverAsync(HeldLease held, CancellationToken cancellation)
    {
        var lease = held.Lease;
        if (RetrySchedule.IsTooLate(lease.Message, time.GetUtcNow()))
        {
            settler.Settle(held, settlements.Expired(lease));
            return;
        }

        if (!queue.TryBegin(lease))
        {
            settler.Release(held);
            return;
        }

        var attempt = new Attempt(held);
        try
        {
            await PlayAsync(attempt, cancellation);
        }
        catch (StoreUnavailableException e)
        {
            attempt.EndRest(new Outcome.Deferred(e.Message, DeliveryRules.InboxAway), Here);
        }
        catch (OperationCanceledException)
        {
            settler.Release(held);
            return;
        }
        catch (Exception e)
        {
            logger.AttemptFailed(lease.Id, e);
            attempt.EndRest(new Outcome.Deferred("an error of ours stopped the attempt", DeliveryRules.Internal), Here);
        }

        var settlement = attempt.ToSettlement(settlements);
        settler.Settle(held, settlement with { Events = [.. settlement.Events, .. settlement.Events.Where(IsCalledSpam).Select(delivered => ComplaintAbout(delivered, lease.Message))] });
    }

    private async Task PlayAsync(Attempt attempt, CancellationToken cancellation)
    {
        if (InboxDelivery.IsFor(attempt.Lease.Message))
        {
            await inbox.CaptureAsync(attempt.Lease.Message, cancellation);
        }

        if (attempt.Lease.Open.Any(recipient => RoleOf(AddressOf(attempt.Lease, recipient)) == "slow"))
        {
            await Task.Delay(Slowness, time, cancellation);
        }

        attempt.EndRest(recipient => OutcomeFor(AddressOf(attempt.Lease, recipient), attempt.Lease.Attempts), Here);
    }

    private static Outcome OutcomeFor(string address, int attempts) => RoleOf(address) switch
    {
        "delivered" or "slow" or "complaint" => Taken,
        "defer" when attempts > 0 => Taken,
        "defer" => Judge(address, new SmtpReply(451, "4.7.1", "Greylisted, please try again later (simulated)")),
        "bounce" => Judge(address, new SmtpReply(550, "5.1.1", "No such user here (simulated)")),
        _ => Judge(address, new SmtpReply(550, "5.1.1", "The simulator has delivered, bounce, defer, slow and complaint, and nobody else (simulated)")),
    };

    private static Outcome Judge(string address, SmtpReply reply)
    {
        var outcome = Verdict.Judge(reply, SimulatedMail.Domain, SmtpPhase.Recipient);
        return OptsIn(address) ? outcome : outcome with { Follows = outcome.Follows & ~Consequence.Suppress };
    }

    private static bool IsCalledSpam(MailEvent happened) => happened is { Type: MailEventType.Delivered, Recipient: { } recipient } && RoleOf(recipient) == "complaint";

    private static MailEvent ComplaintAbout(MailEvent delivered, Message message) => new()
    {
        Time = delivered.Time,
        Type = MailEventType.Complained,
        Message = message.Id,
        Account = message.Account,
        Recipient = delivered.Recipient,
        Stream = message.Stream,
        Suppresses = OptsIn(delivered.Recipient!),
        Reply = "abuse (simulated)",
    };

    private static string AddressOf(Lease lease, int recipient) => lease.Message.Envelope.Recipients[recipient].Address.Text;

    private static string RoleOf(string address) => address[..address.AsSpan().IndexOfAny('@', '+')].ToLowerInvariant();

    private static bool OptsIn(string address) =>
        address[..address.LastIndexOf('@')].Split('+', 2) is [_, var tag] && tag.StartsWith(OptIn, StringComparison.OrdinalIgnoreCase);
}
