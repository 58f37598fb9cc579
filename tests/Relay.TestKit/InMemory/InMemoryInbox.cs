using Relay.Mail.Inbox;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.TestKit.InMemory;

/// <summary>Captured messages in memory: the newest thousand of an account, for seven days, and no more octets than an inbox holds.</summary>
public sealed class InMemoryInbox(IContentStore contents, TimeProvider time) : IInbox
{
    private const int Newest = 1_000;
    private static readonly TimeSpan Kept = TimeSpan.FromDays(7);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, SortedDictionary<MessageId, (CapturedMessage Message, byte[]? Raw)>> _accounts = [];

    public async ValueTask CaptureAsync(Message message, CancellationToken cancellation)
    {
        var captured = CapturedMessage.Of(message, time.GetUtcNow());
        var raw = captured.IsTooLarge ? null : await ReadWholeAsync(message, cancellation);
        lock (_lock)
        {
            var account = AccountHoldingLock(message.Account);
            account.TryAdd(message.Id, (captured, raw));
            while (account.Count > Newest || account.Values.Sum(kept => kept.Raw?.LongLength ?? 0) > IInbox.MostOctets)
            {
                account.Remove(account.Keys.First());
            }
        }
    }

    public ValueTask<IReadOnlyList<CapturedMessage>> ListAsync(string account, MessageId? before, int limit, CancellationToken cancellation)
    {
        lock (_lock)
        {
            IReadOnlyList<CapturedMessage> page =
            [
                .. AccountHoldingLock(account).Reverse()
                    .Where(kept => before is not { } bound || kept.Key.CompareTo(bound) < 0)
                    .Take(limit)
                    .Select(kept => kept.Value.Message),
            ];
            return ValueTask.FromResult(page);
        }
    }

    public ValueTask<CapturedMessage?> FindAsync(string account, MessageId id, CancellationToken cancellation)
    {
        lock (_lock)
        {
            return ValueTask.FromResult(AccountHoldingLock(account).TryGetValue(id, out var kept) ? kept.Message : null);
        }
    }

    public ValueTask<ReadOnlyMemory<byte>?> ReadRawAsync(string account, MessageId id, CancellationToken cancellation)
    {
        lock (_lock)
        {
            return ValueTask.FromResult(AccountHoldingLock(account).TryGetValue(id, out var kept) && kept.Raw is { } raw ? (ReadOnlyMemory<byte>?)raw : null);
        }
    }

    private async Task<byte[]> ReadWholeAsync(Message message, CancellationToken cancellation)
    {
        using var raw = new MemoryStream();
        raw.Write(message.Content.Prologue.Span);
        raw.Write(message.Content.Head.Span);
        await foreach (var chunk in contents.ReadChunksAsync(message, cancellation))
        {
            raw.Write(chunk.Span);
        }

        return raw.ToArray();
    }

    private SortedDictionary<MessageId, (CapturedMessage Message, byte[]? Raw)> AccountHoldingLock(string name)
    {
        if (!_accounts.TryGetValue(name, out var account))
        {
            _accounts[name] = account = [];
        }

        var oldest = time.GetUtcNow() - Kept;
        foreach (var (id, _) in account.Where(kept => kept.Value.Message.ReceivedAt < oldest).ToList())
        {
            account.Remove(id);
        }

        return account;
    }
}
