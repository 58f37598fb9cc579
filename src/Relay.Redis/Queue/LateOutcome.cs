using Relay.Mail.Events;
using Relay.Mail.Queue;
using Relay.Redis.Journal;

namespace Relay.Redis.Queue;

/// <summary>
/// What an outcome is worth that comes when the unit may have gone on without it:
/// <list type="bullet">
/// <item>The unit was not tried since, or only counted as uncertain because nobody heard of this attempt: it is settled as
/// it would have been.</item>
/// <item>It was tried since and is still open: who got it by this attempt gets no other copy, all else is out of date.</item>
/// <item>A recipient has an end already, and this attempt delivered to it too: that was a double, and is told as one.</item>
/// </list>
/// </summary>
internal static class LateOutcome
{
    /// <summary>The rule of the event that admits a double. Never renamed: people filter by it.</summary>
    public const string DoubleRule = "node.delivered-twice";

    /// <summary>The settlement that follows for a unit as it stands now; null when nothing follows.</summary>
    public static Settlement? Apply(DoneEntry late, Lease current, DateTimeOffset due)
    {
        if (current.Attempts == late.Attempts || (current.State is { IsUnheard: true } && current.Attempts == late.Attempts + 1))
        {
            return late.ToSettlement(current);
        }

        var open = current.Open.Select(index => AddressOf(current, index)).ToHashSet(StringComparer.Ordinal);
        var delivered = Delivered(late).Where(e => e.Recipient is { } recipient && open.Contains(recipient)).ToList();
        if (delivered.Count == 0)
        {
            return null;
        }

        OpenRecipient[] left = [.. current.State!.Open.Where(r => !delivered.Exists(e => e.Recipient == AddressOf(current, r.Index)))];
        return new Settlement
        {
            Lease = current,
            Events = delivered,
            Next = left.Length == 0 ? null : current.State with { Open = left },
            DueAt = left.Length == 0 ? null : due,
        };
    }

    /// <summary>Events for the recipients that this attempt delivered to although they have an end already.</summary>
    /// <param name="current">The unit; null when it is settled for good.</param>
    /// <param name="told">What is known of the message: a step whose answer was lost may have told all of it.</param>
    public static IReadOnlyList<MailEvent> Doubles(DoneEntry late, Lease? current, IReadOnlyList<MailEvent> told)
    {
        var open = (current?.Open ?? []).Select(index => AddressOf(current!, index)).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. Delivered(late)
                .Where(e => e.Recipient is { } recipient && !open.Contains(recipient))
                .Where(e => !told.Any(t => t.Recipient == e.Recipient && t.Time == e.Time && t.Attempt == e.Attempt))
                .Select(e => e with { Type = MailEventType.Uncertain, Rule = DoubleRule, NextAttempt = null }),
        ];
    }

    private static IEnumerable<MailEvent> Delivered(DoneEntry late) => late.Told().Where(e => e.Type == MailEventType.Delivered);

    private static string AddressOf(Lease lease, int index) => lease.Message.Envelope.Recipients[index].Address.Text;
}
