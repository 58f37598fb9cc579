using Relay.Mail.Events;
using Relay.Mail.Queue;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Http.Messages;

/// <summary>Says for what a recipient's copy waits and until when, in the order in which it matters: a suspension before the due time, both before what is busy.</summary>
internal sealed class WaitingReasons(IQueueReader queue, ISuspensions suspensions, IEnumerable<IDeliveryDesk> desks, TimeProvider time)
{
    /// <summary>By what is at hand, for lists.</summary>
    public Func<RecipientStatus, WaitingView?> AtAGlance(string account, MessageActivity message) =>
        recipient => Waits(recipient) ? SuspendedBy(account, message, recipient) ?? ByActivity(message, recipient) : null;

    /// <summary>By what the queue holds.</summary>
    public async ValueTask<Func<RecipientStatus, WaitingView?>> InFullAsync(string account, MessageActivity message, CancellationToken cancellation)
    {
        if (!message.Recipients().Any(Waits))
        {
            return _ => null;
        }

        var units = await queue.FindUnitsAsync(message.Id, cancellation);
        var owner = await queue.FindOwnerAsync(message.Id, cancellation);
        return recipient => !Waits(recipient) ? null
            : SuspendedBy(account, message, recipient)
            ?? ByUnit(units.FirstOrDefault(u => u.Recipients.Contains(recipient.Email)), owner, recipient, message.Summary.SendAt)
            ?? ByActivity(message, recipient);
    }

    private static bool Waits(RecipientStatus recipient) => recipient.State is RecipientState.Queued or RecipientState.Deferred;

    private WaitingView? SuspendedBy(string account, MessageActivity message, RecipientStatus recipient)
    {
        if (!EnvelopeAddress.TryParse(recipient.Email, out var address, out _))
        {
            return null;
        }

        var lane = new Lane(address.Domain, account, message.Summary.Class);
        return suspensions.Current.Find(lane, message.Id) is { } suspension
            ? new WaitingView($"suspended: {suspension.Reason}", suspension.Until) { Suspension = suspension.Id, LastReply = recipient.Last?.Reply }
            : null;
    }

    // Null where the unit tells no more than what happened does.
    private WaitingView? ByUnit(WaitingUnit? unit, MailOwner? owner, RecipientStatus recipient, DateTimeOffset? sendAt)
    {
        var wasTried = recipient.State == RecipientState.Deferred;
        if (unit is null || unit.State is null == wasTried)
        {
            return null;
        }

        var now = time.GetUtcNow();
        if (unit.DueAt > now)
        {
            return wasTried ? new WaitingView(recipient.Last?.Reply ?? "the last attempt had no clear end", unit.DueAt)
                : sendAt is null || sendAt < unit.DueAt ? new WaitingView("its key sends no faster than its rate, and this is its turn", unit.DueAt)
                : null;
        }

        var reason = owner is null ? "no node delivers it now; another takes it over within a minute"
            : (owner.IsHere ? desks.Select(desk => desk.WhyNotNow(unit.Lane)).FirstOrDefault(why => why is not null) : null)
            ?? (wasTried ? "its next attempt is due" : "its first attempt is due");
        return new WaitingView(reason, null) { LastReply = wasTried ? recipient.Last?.Reply : null };
    }

    private WaitingView ByActivity(MessageActivity message, RecipientStatus recipient) =>
        recipient.State == RecipientState.Deferred
            ? new WaitingView(recipient.Last?.Reply ?? "the last attempt had no clear end", recipient.Last?.NextAttempt)
        : message.Summary.SendAt > time.GetUtcNow()
            ? new WaitingView("it is not to be sent before this time", message.Summary.SendAt)
            : new WaitingView("its first attempt is due", null);
}

/// <param name="Reason">The remote's own words where it was the remote that put us off.</param>
internal sealed record WaitingView(string Reason, DateTimeOffset? Until)
{
    /// <summary>What was last heard, where the reason is another one.</summary>
    public string? LastReply { get; init; }

    /// <summary>The suspension that is the reason, by its id.</summary>
    public string? Suspension { get; init; }
}
