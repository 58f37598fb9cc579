using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Relay.Mail.Messages;

namespace Relay.Mail.Queue;

/// <summary>
/// The durable queue, the seam at which intake and delivery meet. Intake puts in with <see cref="EnqueueAsync"/>;
/// delivery takes with <see cref="LeaseDueAsync"/> and gives back with <see cref="SettleAsync"/>.
/// </summary>
public interface IMailQueue
{
    /// <summary>
    /// Accepts a message with all its recipients, or none of it. Returns <see cref="EnqueueResult.Accepted"/> only when it
    /// is durable as the store's promise class says; every other result leaves nothing behind.
    /// </summary>
    ValueTask<EnqueueResult> EnqueueAsync(Message message, IdempotencyKey? idempotency, CancellationToken cancellation);

    /// <summary>
    /// What an enqueue with this key would be told if the key was used before; null when it was not. Nothing is written. For
    /// those who have to refuse a message without asking the queue: whoever repeats one is to hear of the first all the same.
    /// May throw <see cref="StoreUnavailableException"/>.
    /// </summary>
    ValueTask<EnqueueResult.Duplicate?> FindFirstAsync(string account, IdempotencyKey idempotency, CancellationToken cancellation);

    /// <summary>
    /// A slot for the id of a new message that may stand anywhere: where this node delivers too, one of its own, so that
    /// the message need not be read back by another node.
    /// </summary>
    int ChooseSlot();

    /// <summary>
    /// Waits until at least one unit is due in a lane for which there is room, then leases what is due within the bounds,
    /// turn by turn over accounts and lanes. A unit is leased at most once until it is settled or released. Cancelled, it
    /// has leased nothing.
    /// </summary>
    ValueTask<IReadOnlyList<Lease>> LeaseDueAsync(LeaseDemand demand, CancellationToken cancellation);

    /// <summary>There may be room again for what waits behind the gate: it is asked about anew. Without anything there it does nothing.</summary>
    void Open(Gate gate);

    /// <summary>
    /// Ends a lease durably. While the store is away this waits and tries again, so that no outcome is lost; it is
    /// cancelled only when the process can wait no longer, and then the unit will be tried again.
    /// </summary>
    ValueTask SettleAsync(Settlement settlement, CancellationToken cancellation);

    /// <summary>
    /// Whether an attempt of the unit may begin now. False when this node's turn is over, or nearly, and when the unit was
    /// suspended or is to be cancelled or bounced: the lease is then released untried. Asked for each attempt, since a lease
    /// may have waited long for a connection.
    /// </summary>
    bool TryBegin(Lease lease);

    /// <summary>
    /// Asked right before the first octet of the flight that ends the message: from there on the remote may have it. False
    /// when the node's turn could end before the flight has left, and another node then try the unit too: the transaction
    /// is given up so that nothing can be delivered, and the unit released untried. On true it has been noted that the unit
    /// may be at this host, so that whoever comes after us never takes it for untried.
    /// </summary>
    ValueTask<bool> TryBeginDotAsync(Lease lease, string host, CancellationToken cancellation);

    /// <summary>Gives a lease back untried: the unit is due as it was.</summary>
    void Release(Lease lease);
}

/// <param name="MaxUnits">At most so many leases.</param>
/// <param name="MaxBytes">No further lease once those taken hold so many octets of content in memory.</param>
/// <param name="ClosedGate">
/// What a unit of this lane has to wait for; null when there is room for it. Called in the middle of the queue's own work: it
/// must neither block nor call the queue.
/// </param>
public sealed record LeaseDemand(int MaxUnits, long MaxBytes, Func<Lane, Gate?> ClosedGate)
{
    /// <summary>
    /// Whether there is likely to be room for a unit of this lane. Asked out of curiosity of lanes that are not in memory, in
    /// the same way, and nothing is counted because of it; null where nobody can say.
    /// </summary>
    public Func<Lane, bool>? HasRoom { get; init; }

    /// <summary>
    /// Whether a unit of this lane would only come to be told why it waits, and be gone again at once. Asked in the same way of lanes
    /// that were let in already; null where nobody can say.
    /// </summary>
    public Func<Lane, bool>? IsPutOff { get; init; }
}

/// <param name="Key">The client's own words, at most 255 characters.</param>
/// <param name="Fingerprint">Hash of the request; the same key with another one is a mistake of the client.</param>
public sealed record IdempotencyKey(string Key, string Fingerprint)
{
    /// <summary>What stands behind it in a key is known later than the slot is needed, and has no part in it. No client's own key holds one.</summary>
    public const char Besides = '\t';

    /// <summary>The relay made it of what a mail and its repetition have in common. A cancel of the mail frees it, which a client's own key outlives.</summary>
    public bool IsOfMail => Key.Contains(Besides);

    /// <summary>How long a repetition meets the first.</summary>
    public TimeSpan Kept { get; init; } = TimeSpan.FromHours(24);

    /// <summary>
    /// The slot that an account's use of this key falls in. A message that comes with the key has its id made in this slot,
    /// so that both stand in one partition and survive a crash together.
    /// </summary>
    public int SlotFor(string account)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{account}\n{Key.Split(Besides)[0]}"), hash);
        return BinaryPrimitives.ReadUInt16BigEndian(hash) & (MessageId.Slots - 1);
    }
}

/// <summary>What became of an enqueue.</summary>
public abstract record EnqueueResult
{
    private EnqueueResult()
    {
    }

    /// <summary>Durable: say 250 or 202.</summary>
    public sealed record Accepted : EnqueueResult
    {
        public static readonly Accepted Instance = new();
    }

    /// <summary>The idempotency key was used before; nothing was enqueued.</summary>
    public sealed record Duplicate(MessageId First, string Fingerprint) : EnqueueResult;

    /// <summary>The store has no room: 452 or 503.</summary>
    public sealed record StoreFull(string Reason) : EnqueueResult;

    /// <summary>The store is away, slow, read-only or loading: 451 or 503. Whether a write of it took place is unknown: with an idempotency key
    /// the sender's next try finds it, without one it is undone as soon as the store answers.</summary>
    public sealed record StoreUnavailable(string Reason) : EnqueueResult;
}
