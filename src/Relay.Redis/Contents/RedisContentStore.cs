using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Contents;

/// <summary>Chunks of large contents, on a connection of their own. They vanish after a day unless the accept keeps them.</summary>
internal sealed class RedisContentStore(Store store, Durability.Watermark watermark, IOptions<StoreOptions> options) : IContentStore
{
    private static readonly TimeSpan UntilAccepted = TimeSpan.FromDays(1);

    // Chunks on their way at once over all messages: bounds what they hold in memory when the store is slow.
    private readonly SemaphoreSlim _writing = new(64);

    public bool HasRoomForStrangers => !watermark.IsNear;

    public async ValueTask WriteChunkAsync(MessageId message, int chunk, ReadOnlyMemory<byte> octets, CancellationToken cancellation)
    {
        if (watermark.IsReached)
        {
            throw new StoreUnavailableException("the store is nearly full", full: true);
        }

        var key = store.PartitionOf(message).Keys.Chunk(message, chunk);
        if (!await _writing.WaitAsync(options.Value.Queue.AnswerTimeout, cancellation))
        {
            throw new StoreUnavailableException("the store is slow");
        }

        try
        {
            await StoreFailure.TranslateAsync(store.Connections.Bulk.StringSetAsync(key, octets, UntilAccepted), CancellationToken.None);
        }
        finally
        {
            _writing.Release();
        }
    }

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadChunksAsync(Message message, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var keys = store.PartitionOf(message.Id).Keys;
        for (var chunk = 0; chunk < message.Content.Chunks; chunk++)
        {
            var octets = await StoreFailure.TranslateAsync(store.Connections.Bulk.StringGetAsync(keys.Chunk(message.Id, chunk), StoreConnections.FromPrimary), cancellation);
            yield return octets.IsNull
                ? throw new StoreUnavailableException($"chunk {chunk} of {message.Id} is missing")
                : (ReadOnlyMemory<byte>)octets;
        }
    }

    public async ValueTask DiscardAsync(MessageId message, int chunks)
    {
        try
        {
            var keys = store.PartitionOf(message).Keys;
            RedisKey[] all = [.. Enumerable.Range(0, chunks).Select(chunk => keys.Chunk(message, chunk))];
            await store.Connections.Bulk.KeyDeleteAsync(all).InTimeAsync();
        }
        catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
        {
            // They vanish by themselves.
        }
    }
}
