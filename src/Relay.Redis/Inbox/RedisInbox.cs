using System.Buffers;
using System.Text.Json;
using Relay.Mail.Inbox;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Durability;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Inbox;

/// <summary>
/// Captured messages: a list by id, what it shows in a hash, what each takes in another, and together in a number beside it; the
/// octets apart, which vanish by themselves.
/// </summary>
internal sealed class RedisInbox(Store store, IContentStore contents, InboxRoom room, TimeProvider time) : IInbox
{
    private IDatabase Database => store.Connections.Bulk;

    public async ValueTask CaptureAsync(Message message, CancellationToken cancellation)
    {
        var account = message.Account;
        var id = message.Id.ToString();
        var now = time.GetUtcNow();
        var captured = JsonSerializer.SerializeToUtf8Bytes(CapturedMessage.Of(message, now), RecordJson.Default.CapturedMessage);
        long size = captured.Length;

        // The octets come first: what a list shows can be read.
        if (message.Content.Length <= IInbox.LargestKept)
        {
            var raw = await ReadWholeAsync(message, cancellation);
            size += raw.Length;
            await StoreFailure.TranslateAsync(Database.StringSetAsync(StoreKeys.InboxRaw(account, id), raw, InboxRoom.Kept, When.NotExists), cancellation);
        }

        await room.AddAsync(account, id, captured, size, now, cancellation);
        await room.TrimAsync(account, cancellation);
    }

    public async ValueTask<IReadOnlyList<CapturedMessage>> ListAsync(string account, MessageId? before, int limit, CancellationToken cancellation)
    {
        await room.TrimAsync(account, cancellation);

        // At most a thousand, and ids sort by time: read them all rather than keep another order.
        var order = await StoreFailure.TranslateAsync(Database.SortedSetRangeByRankAsync(StoreKeys.InboxOrder(account)), cancellation);
        RedisValue[] page =
        [
            .. order.Select(v => MessageId.Parse(v.ToString()))
                .Where(id => before is not { } bound || id.CompareTo(bound) < 0)
                .OrderDescending()
                .Take(limit)
                .Select(id => (RedisValue)id.ToString()),
        ];
        if (page.Length == 0)
        {
            return [];
        }

        var documents = await StoreFailure.TranslateAsync(Database.HashGetAsync(StoreKeys.Inbox(account), page), cancellation);
        return [.. documents.Where(d => !d.IsNull).Select(Read)];
    }

    public async ValueTask<CapturedMessage?> FindAsync(string account, MessageId id, CancellationToken cancellation)
    {
        var document = await StoreFailure.TranslateAsync(Database.HashGetAsync(StoreKeys.Inbox(account), id.ToString()), cancellation);
        return document.IsNull || Read(document) is var found && found.ReceivedAt < time.GetUtcNow() - InboxRoom.Kept ? null : found;
    }

    public async ValueTask<ReadOnlyMemory<byte>?> ReadRawAsync(string account, MessageId id, CancellationToken cancellation)
    {
        if (await FindAsync(account, id, cancellation) is null)
        {
            return null;
        }

        var raw = await StoreFailure.TranslateAsync(Database.StringGetAsync(StoreKeys.InboxRaw(account, id.ToString())), cancellation);
        return raw.IsNull ? default(ReadOnlyMemory<byte>?) : (ReadOnlyMemory<byte>)raw;
    }

    private async Task<ReadOnlyMemory<byte>> ReadWholeAsync(Message message, CancellationToken cancellation)
    {
        var whole = new ArrayBufferWriter<byte>((int)Math.Max(message.Content.Length, 1));
        whole.Write(message.Content.Prologue.Span);
        whole.Write(message.Content.Head.Span);
        await foreach (var chunk in contents.ReadChunksAsync(message, cancellation))
        {
            whole.Write(chunk.Span);
        }

        return whole.WrittenMemory;
    }

    private static CapturedMessage Read(RedisValue document) =>
        JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)document).Span, RecordJson.Default.CapturedMessage) ?? throw new JsonException("a document is null");
}
