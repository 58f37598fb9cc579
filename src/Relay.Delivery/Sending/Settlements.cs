using Microsoft.Extensions.Logging;
using Relay.Mail.Bounces;
using Relay.Mail.Classification;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Delivery.Sending;

/// <summary>
/// Turns the outcomes of an attempt into the settlement of its lease: an event for each recipient, the unit's next due time
/// or its end, and the failure report that this end causes.
/// </summary>
internal sealed class Settlements(RetrySchedule retries, IFailureReports reports, TimeProvider time, ILogger<Settlements> logger)
{
    // RFC 3463, 3.5: delivery time expired; class 4, since nothing but time decided.
    private const string ExpiredStatus = "4.4.7";

    // RFC 3463, 3.3: the mailbox takes no mail, of this account.
    private const string SuppressedStatus = "5.2.1";

    /// <param name="recipients">Those that were tried, as indexes into the envelope's recipients: all that are open.</param>
    /// <param name="contacts">With whom, for each of them.</param>
    public Settlement Of(Lease lease, IReadOnlyList<int> recipients, ReadOnlySpan<Outcome> outcomes, ReadOnlySpan<Contact> contacts)
    {
        var now = time.GetUtcNow();
        var attempt = lease.Attempts + 1;
        var uncertainHost = lease.State?.UncertainHost;
        TimeSpan? wait = null;
        List<OpenRecipient>? open = null;
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i] is Outcome.Uncertain)
            {
                uncertainHost = contacts[i].Host;
            }

            if (outcomes[i] is Outcome.Deferred or Outcome.Uncertain)
            {
                wait = Longer(wait, (outcomes[i] as Outcome.Deferred)?.Wait);
                (open ??= []).Add(new OpenRecipient(recipients[i], outcomes[i].Reply)
                {
                    MayHaveBeenDelivered = outcomes[i] is Outcome.Uncertain || lease.MayHaveBeenDelivered(recipients[i]),
                });
            }
        }

        var due = open is null ? null : retries.NextAttempt(lease.Message, attempt, now, wait, Random.Shared.NextDouble());
        var events = new List<MailEvent>(outcomes.Length);
        for (var i = 0; i < outcomes.Length; i++)
        {
            events.Add(EventOf(lease, recipients[i], outcomes[i], contacts[i], attempt, now, due));
        }

        var expired = due is null ? open : null;
        AddExpired(lease, expired, now, events);
        return new Settlement
        {
            Lease = lease,
            Events = events,
            Next = due is null ? null : new UnitState
            {
                Attempts = attempt,
                Open = open!,

                // What is left may be of those alone who surely have nothing: they need no care.
                UncertainHost = open!.Exists(recipient => recipient.MayHaveBeenDelivered) ? uncertainHost : null,
            },
            DueAt = due,
            Reports = ReportsOf(lease, recipients, outcomes, contacts, expired, now),
        };
    }

    /// <summary>Whatever puts it off counts, since its time is over.</summary>
    public bool IsOverdue(Lease lease) => retries.IsOverdue(lease.Message, time.GetUtcNow());

    /// <summary>The end of a unit whose time was over before it could be tried again.</summary>
    public Settlement Expired(Lease lease)
    {
        var now = time.GetUtcNow();
        IReadOnlyList<OpenRecipient> open = lease.State?.Open
            ?? [.. lease.Open.Select(index => new OpenRecipient(index, "its time was over before it could be tried"))];
        var events = new List<MailEvent>(open.Count);
        AddExpired(lease, open, now, events);
        return new Settlement { Lease = lease, Events = events, Reports = ReportsOf(lease, [], [], [], open, now) };
    }

    /// <summary>An attempt that went past its dot before us, and of which nobody heard the end: uncertain for all that were open.</summary>
    public Settlement Unheard(Lease lease, UnheardAttempt unheard)
    {
        var attempt = new Attempt(lease, leftOut: null);
        attempt.EndRest(
            new Outcome.Uncertain("the node that tried it was lost after the final dot", DeliveryRules.Unheard), new Contact(unheard.Host, null));
        var settlement = attempt.ToSettlement(this);
        return settlement with { Next = settlement.Next is { } next ? next with { IsUnheard = true } : null };
    }

    private static MailEvent EventOf(
        Lease lease, int recipient, Outcome outcome, Contact contact, int attempt, DateTimeOffset now, DateTimeOffset? due) => new()
    {
        Time = now,
        Type = outcome switch
        {
            Outcome.Delivered => MailEventType.Delivered,
            Outcome.Deferred => MailEventType.Deferred,
            Outcome.Bounced => MailEventType.Bounced,
            Outcome.Suppressed => MailEventType.Suppressed,
            _ => MailEventType.Uncertain,
        },
        Message = lease.Message.Id,
        Account = lease.Message.Account,
        Recipient = lease.Message.Envelope.Recipients[recipient].Address.Text,
        Attempt = outcome is Outcome.Suppressed ? null : attempt,
        Host = contact.Host,
        Address = contact.Address,
        Tls = contact.Tls,
        TlsPolicy = contact.Policy,
        TlsProof = contact.Proof,
        Reply = outcome.Reply,
        Rule = outcome.Rule,
        // Of mail of the world the account has not chosen the address: strangers must not fill its list.
        Suppresses = outcome is Outcome.Bounced && outcome.Follows.HasFlag(Consequence.Suppress) && lease.Message.Source != MessageSource.Inbound ? true : null,
        NextAttempt = outcome is Outcome.Deferred or Outcome.Uncertain ? due : null,
        MayHaveBeenDelivered = outcome is Outcome.Suppressed && lease.MayHaveBeenDelivered(recipient) ? true : null,
    };

    private static TimeSpan? Longer(TimeSpan? one, TimeSpan? other) => other is { } wait && !(one >= wait) ? wait : one;

    private static void AddExpired(Lease lease, IReadOnlyList<OpenRecipient>? expired, DateTimeOffset now, List<MailEvent> events)
    {
        foreach (var recipient in expired ?? [])
        {
            events.Add(new MailEvent
            {
                Time = now,
                Type = MailEventType.Expired,
                Message = lease.Message.Id,
                Account = lease.Message.Account,
                Recipient = lease.Message.Envelope.Recipients[recipient.Index].Address.Text,
                Reply = recipient.Reply,
                Rule = DeliveryRules.Expired,
                MayHaveBeenDelivered = recipient.MayHaveBeenDelivered ? true : null,
            });
        }
    }

    private Message[] ReportsOf(
        Lease lease, IReadOnlyList<int> recipients, ReadOnlySpan<Outcome> outcomes, ReadOnlySpan<Contact> contacts, IReadOnlyList<OpenRecipient>? expired, DateTimeOffset now)
    {
        List<FailedRecipient>? failures = null;
        List<RelayedRecipient>? relayed = null;
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i] is Outcome.Bounced bounced)
            {
                (failures ??= []).Add(new FailedRecipient(recipients[i], bounced.Status, bounced.Reply, HostOf(bounced, contacts[i]), now));
            }
            else if (outcomes[i] is Outcome.Suppressed suppressed && IsAskedFor(lease.Message.Envelope.Recipients[recipients[i]]))
            {
                (failures ??= []).Add(new FailedRecipient(recipients[i], SuppressedStatus, suppressed.Reply, null, now));
            }
            else if (outcomes[i] is Outcome.Delivered delivered && IsSilent(lease.Message.Envelope.Recipients[recipients[i]], contacts[i]))
            {
                (relayed ??= []).Add(new RelayedRecipient(recipients[i], delivered.Reply, contacts[i].Host!, now));
            }
        }

        foreach (var recipient in expired ?? [])
        {
            (failures ??= []).Add(new FailedRecipient(recipient.Index, ExpiredStatus, recipient.Reply, null, now));
        }

        if (failures is null && relayed is null)
        {
            return [];
        }

        try
        {
            return [.. ReportsOf(lease.Message, failures, relayed)];
        }
        catch (Exception e)
        {
            // A report is made of what strangers wrote. Without it the sender still has the events; without the settlement the
            // unit would be held for ever, and those of its recipients who have the message would get it again.
            logger.ReportNotWritten(lease.Message.Id, e);
            return [];
        }
    }

    private IEnumerable<Message> ReportsOf(Message message, IReadOnlyList<FailedRecipient>? failures, IReadOnlyList<RelayedRecipient>? relayed)
    {
        if (failures is not null && reports.Compose(message, failures) is { } failed)
        {
            yield return failed;
        }

        if (relayed is not null && reports.ComposeRelayed(message, relayed) is { } passedOn)
        {
            yield return passedOn;
        }
    }

    // Silence means no report here, though it does of other failures: a sender whose list has old addresses would get one for each
    // of them, each time. Who says FAILURE is owed the word (RFC 3461, 4.1).
    private static bool IsAskedFor(Recipient recipient) => recipient.Notify is { } notify && notify.HasFlag(DsnNotify.Failure);

    // The sender wants to hear of success, and only we can tell him.
    private static bool IsSilent(Recipient recipient, Contact contact) =>
        recipient.Notify is { } notify && notify.HasFlag(DsnNotify.Success) && contact is { TakesReportRequests: false, Host: not null, Address: not null };

    // The remote's name stands only over the remote's own words.
    private static string? HostOf(Outcome.Bounced bounced, Contact contact) => bounced.IsRemotes ? contact.Host : null;
}
