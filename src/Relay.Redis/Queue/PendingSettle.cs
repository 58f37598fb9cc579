using Relay.Mail.Events;
using Relay.Mail.Queue;
using Relay.Redis.Journal;
using Relay.Redis.Records;
using Relay.Redis.Steps;

namespace Relay.Redis.Queue;

/// <summary>A settlement, an entry to set aside, or a part of what was asked, on its way into the store.</summary>
internal sealed class PendingSettle(Partition partition)
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IReadOnlyList<PreparedMessage>? _reports;
    private IReadOnlyList<byte[]>? _events;

    public Partition Partition { get; } = partition;
    public Settlement? Settlement { get; init; }
    public UnreadableEntry? Aside { get; init; }

    /// <summary>Events of attempts before this one that were never settled.</summary>
    public IReadOnlyList<byte[]> Before { get; set; } = [];

    public AskedPart? Asked { get; init; }

    /// <summary>Of units that are settled already.</summary>
    public IReadOnlyList<MailEvent> Told { get; init; } = [];

    public Task Done => _done.Task;

    public void SetDone() => _done.TrySetResult();

    /// <summary>As they go into the outbox, and into the journal before.</summary>
    public IReadOnlyList<byte[]> Events(int mark) => _events ??= [.. Before, .. (Settlement?.Events ?? Told).Select(e => EventRecord.Write(e, mark, ends: false))];

    public DoneEntry ToEntry(int mark) => new(Settlement!.Lease.Id, Settlement.Lease.Attempts)
    {
        Next = Settlement.Next,
        Due = Settlement.DueAt?.ToUnixTimeMilliseconds(),
        Events = Events(mark),
        Reports = [.. Reports(mark).Select(r => (r.Message.Id, r.Record))],
    };

    public IReadOnlyList<PreparedMessage> Reports(int mark) =>
        _reports ??= Settlement is { Reports.Count: > 0 } ? [.. Settlement.Reports.Select(r => new PreparedMessage(r, mark))] : [];
}
