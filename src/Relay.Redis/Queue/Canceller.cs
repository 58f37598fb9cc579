using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Queue;

/// <summary>
/// Takes back accepts whose answer was not seen: the client was told to come back, so what was written after all would
/// be mail sent twice. Works in the background, as long as it takes. What came with an idempotency key stays: when its
/// sender comes back with the key he is told of this very message, and it must not vanish after that yes.
/// </summary>
/// <remarks>
/// An accept may arrive in the store after its cancelling did: the two may have gone over different connections, and a
/// server that was stopped, or had just become the primary, reads them in any order. So what was not found is remembered
/// for a while, and the projector tells when it came after all; nobody else would ever look at it. What is too much to be
/// remembered stays in the queue, if it gets there: for as long as it may, all that comes is looked at.
/// </remarks>
internal sealed class Canceller(Store store, Window window, StoreRetry retry, TimeProvider time, ILogger<Canceller> logger)
{
    private const int MaxWaiting = 4_096;

    // Octets that are still on their way after this are in no server's buffer.
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<MessageId, (Cancelled Accept, DateTimeOffset Since)> _notFound = new();
    private readonly Channel<Cancelled> _waiting = Channel.CreateBounded<Cancelled>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true });

    // In ticks.
    private long _forgottenUntil;

    /// <summary>An accept of ours may come that was given up, and of which nothing is remembered.</summary>
    public bool HasForgotten => time.GetUtcNow().Ticks < Volatile.Read(ref _forgottenUntil);

    public void Cancel(PendingAccept accept, IdempotencyKey? idempotency)
    {
        var message = accept.Message.Message;

        // Without its octets: thousands may wait while the store is away.
        var slim = message with { Content = message.Content with { Prologue = default, Head = default } };
        var cancelled = new Cancelled(accept.Answer, accept.Partition, slim, accept.Message.Units, idempotency is not null);
        if (!_waiting.Writer.TryWrite(cancelled))
        {
            Forget();
            Leave(cancelled);
        }
    }

    /// <summary>An accept of ours is in the store, as its event shows.</summary>
    public void Came(MessageId id)
    {
        if (!_notFound.IsEmpty && _notFound.TryRemove(id, out var late) && !_waiting.Writer.TryWrite(late.Accept))
        {
            Tell(late.Accept);
        }
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        await foreach (var cancelled in _waiting.Reader.ReadAllAsync(cancellation))
        {
            // The first answer may still be on its way; only then is it known what there is to cancel. One that never comes holds
            // up nobody: what is not found now is remembered.
            await ((Task)cancelled.Answer).InTimeAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Remember(cancelled);
            if (cancelled.HasKey)
            {
                Leave(cancelled);
            }
            else
            {
                await TakeBackAsync(cancelled, cancellation);
            }
        }
    }

    private async Task TakeBackAsync(Cancelled cancelled, CancellationToken cancellation)
    {
        window.ClaimAccept(cancelled.Units);
        var isLeft = false;
        try
        {
            await retry.ExecuteAsync(async _ => isLeft = !await TryTakeBackAsync(cancelled) && await IsThereAsync(cancelled), cancellation);
        }
        finally
        {
            window.Unclaim(cancelled.Units.Select(unit => unit.Id));
        }

        if (isLeft)
        {
            // Nobody else would tell the window of an accept of ours.
            Tell(cancelled);
        }
        else
        {
            logger.AcceptCancelled(cancelled.Message.Id.ToString());
        }
    }

    // It may have stood in the store for a while, for whoever owns the partition to send. What is in flight cannot be taken back, and
    // then the rest is not: a message goes to all of its recipients, or to none. So it is done under our own lease, or while there
    // is none; another owner is not asked, since what he has found he sends within moments.
    private async Task<bool> TryTakeBackAsync(Cancelled cancelled)
    {
        var keys = cancelled.Partition.Keys;
        var due = cancelled.Message.DueAt.ToUnixTimeMilliseconds();
        var claimed = window.Claim(cancelled.Partition, [.. cancelled.Units.Select(unit => (unit.Id, unit.Lane, due))]);
        for (var attempt = 0; attempt < StoreRetry.AbortsAtOnce; attempt++)
        {
            var owner = await store.Connections.Background.StringGetAsync(keys.Lease, StoreConnections.FromPrimary).InTimeAsync();
            if (owner.IsNull ? await MayBeAtRemoteAsync(cancelled) : owner != store.Owner || claimed.Count < cancelled.Units.Count)
            {
                return false;
            }

            if (await TryCancelAsync(cancelled, owner.IsNull ? Condition.KeyNotExists(keys.Lease) : Condition.StringEqual(keys.Lease, owner)))
            {
                return true;
            }

            // Renewing the lease counts as a change of it.
            if (!await IsThereAsync(cancelled))
            {
                return false;
            }
        }

        return false;
    }

    // An owner whose lease ended may still have begun with it: this node, or one that noted it before the last octet.
    private async Task<bool> MayBeAtRemoteAsync(Cancelled cancelled)
    {
        if (cancelled.Units.Any(unit => window.IsInFlight(unit.Id)))
        {
            return true;
        }

        var notes = await store.Connections.Background.HashKeysAsync(cancelled.Partition.Keys.Dots, StoreConnections.FromPrimary).InTimeAsync();
        return notes.Any(note => cancelled.Units.Any(unit => Store.IsNoteOf(unit.Id, note.ToString())));
    }

    private async Task<bool> TryCancelAsync(Cancelled cancelled, Condition lease)
    {
        var step = ConnectionOf(cancelled).CreateTransaction();
        step.AddCondition(lease);
        AcceptStep.AddCancel(step, cancelled.Partition.Keys, cancelled.Message, cancelled.Units, store.Mark, time.GetUtcNow());
        if (!await step.RunAsync())
        {
            return false;
        }

        _notFound.TryRemove(cancelled.Message.Id, out _);
        return true;
    }

    private Task<bool> IsThereAsync(Cancelled cancelled) =>
        ConnectionOf(cancelled).KeyExistsAsync(cancelled.Partition.Keys.Message(cancelled.Message.Id), StoreConnections.FromPrimary).InTimeAsync();

    // The one that carried the accept, so that it comes behind it.
    private IDatabase ConnectionOf(Cancelled cancelled) => cancelled.Message.Content.Chunks == 0 ? store.Connections.Intake : store.Connections.Guarded;

    // Before it is looked for, so that it cannot come unseen in between.
    private void Remember(Cancelled cancelled)
    {
        var now = time.GetUtcNow();
        foreach (var (id, late) in _notFound)
        {
            if (now - late.Since > Remembered)
            {
                _notFound.TryRemove(id, out _);
            }
        }

        if (_notFound.Count < MaxWaiting)
        {
            _notFound[cancelled.Message.Id] = (cancelled, now);
        }
        else
        {
            Forget();
        }
    }

    private void Forget() => Volatile.Write(ref _forgottenUntil, (time.GetUtcNow() + Remembered).Ticks);

    // If it got into the store it is found there like what another node accepted.
    private void Leave(Cancelled cancelled)
    {
        window.AbandonAccept(cancelled.Units);
        Tell(cancelled);
    }

    private void Tell(Cancelled cancelled)
    {
        foreach (var unit in cancelled.Units)
        {
            window.Arrived(cancelled.Partition, unit.Lane, cancelled.Message.DueAt.ToUnixTimeMilliseconds());
        }
    }

    private sealed record Cancelled(
        Task<StoreFailure?> Answer, Partition Partition, Message Message, IReadOnlyList<Unit> Units, bool HasKey);
}
