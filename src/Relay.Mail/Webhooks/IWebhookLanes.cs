using System.Security.Cryptography;
using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.Mail.Webhooks;

/// <summary>
/// The events that wait for webhooks, in the partitions that this node owns. A lane is what waits in one partition for one
/// webhook; while it is taken nobody else has it. Where it is left to another owner the worst is that an event is posted twice.
/// </summary>
/// <exception cref="Queue.StoreUnavailableException">From every asynchronous method: the store does not answer.</exception>
public interface IWebhookLanes
{
    /// <summary>Ends when a lane may have become due. Ask for it before looking.</summary>
    Task Changed { get; }

    /// <summary>The lanes with something due. Each is the caller's until it is given back.</summary>
    ValueTask<IReadOnlyList<WebhookLane>> TakeDueAsync(CancellationToken cancellation);

    /// <summary>The messages whose turn it is, those that came first in front.</summary>
    /// <param name="most">So many of them.</param>
    /// <param name="octets">As many as take no more, as they are kept, and at least one.</param>
    /// <param name="dueBefore">Only those that were due before then: they have waited for longer than since then, and those that were put off come once that is over.</param>
    ValueTask<IReadOnlyList<WebhookTurn>> ReadAsync(WebhookLane lane, int most, long octets, DateTimeOffset? dueBefore, CancellationToken cancellation);

    /// <summary>The lane is still ours to work.</summary>
    bool MayPost(WebhookLane lane);

    /// <summary>Writes how turns ended. One that another changed meanwhile (a replay, a new owner) stays as it is now.</summary>
    ValueTask SettleAsync(WebhookLane lane, IReadOnlyList<WebhookTurnEnd> ends, CancellationToken cancellation);

    /// <summary>Gives a lane back, and keeps what waits in it within its bound.</summary>
    /// <param name="notBefore">It is not due before; null, as soon as something in it is.</param>
    ValueTask GiveBackAsync(WebhookLane lane, DateTimeOffset? notBefore, CancellationToken cancellation);

    /// <summary>The webhook answers again: what was put off for it is due now.</summary>
    ValueTask HurryAsync(EventWebhook webhook, CancellationToken cancellation);
}

/// <param name="Term">Which turn of ours as the owner of the partition.</param>
public sealed record WebhookLane(int Partition, long Term, EventWebhook Webhook);

/// <summary>The events of one message that wait for a webhook.</summary>
public sealed record WebhookTurn
{
    public required MessageId Message { get; init; }

    /// <summary>What stood in the store, and must still when the turn is settled.</summary>
    public required string Mark { get; init; }

    /// <summary>Since when they wait.</summary>
    public required DateTimeOffset Queued { get; init; }

    /// <summary>How often the first of them was not taken.</summary>
    public required int Failures { get; init; }

    /// <summary>In the order in which they happened; kinds that the webhook does not want are among them. None where they are kept no longer.</summary>
    public required IReadOnlyList<WebhookEvent> Events { get; init; }

    /// <summary>Where the first of them begins.</summary>
    public required long From { get; init; }

    /// <summary>How long all that happened to the message was when it was read; what is behind the last of <see cref="Events"/> comes in another turn.</summary>
    public required long Length { get; init; }

    /// <summary>The message as lists show it; null where that is not kept.</summary>
    public MessageSummary? Summary { get; init; }

    /// <summary>It belongs to no message: the account only wants to see whether it comes.</summary>
    public bool IsTest { get; init; }
}

/// <param name="Offset">Where it stands in what happened to its message.</param>
/// <param name="Next">Where the next one stands.</param>
/// <param name="Print">As <see cref="PrintOf"/> has it.</param>
/// <param name="Happened">Null where it cannot be read, and in a test.</param>
public sealed record WebhookEvent(long Offset, long Next, string Print, MailEvent? Happened)
{
    private const int PrintOctets = 8;

    /// <summary>
    /// The id with which it is posted to a webhook: the same each time, and no other event's. Its place alone is not enough:
    /// where what happened to a message was forgotten early, what happens later stands where the first of it stood.
    /// </summary>
    public string IdOf(MessageId message, EventWebhook webhook) => $"{message}.{Offset:x}-{Print}.{webhook.Id}";

    /// <summary>What tells an event from any other in its place.</summary>
    /// <param name="kept">The event as it is kept, which never changes.</param>
    public static string PrintOf(ReadOnlySpan<byte> kept) => Convert.ToHexStringLower(SHA256.HashData(kept).AsSpan(0, PrintOctets));

    public static string TestIdOf(MessageId message, EventWebhook webhook) => $"{message}.test.{webhook.Id}";
}

/// <summary>How far a turn came.</summary>
public sealed record WebhookTurnEnd(WebhookTurn Turn)
{
    /// <summary>All before it is done with.</summary>
    public required long Next { get; init; }

    /// <summary>When what is left is tried again; null when nothing failed.</summary>
    public DateTimeOffset? Due { get; init; }

    /// <summary>Of the first that is left.</summary>
    public int Failures { get; init; }

    public int Taken { get; init; }
    public int GivenUp { get; init; }

    /// <summary>Why the last one was not taken; null when it was.</summary>
    public string? Error { get; init; }

    /// <summary>Nothing was done, and nothing is written. Where nothing was left to do, its end is.</summary>
    public bool IsNothing => Next == Turn.From && Due is null && Next < Turn.Length;
}
