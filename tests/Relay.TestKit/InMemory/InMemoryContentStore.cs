using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.TestKit.InMemory;

/// <summary>Chunks of large contents in memory; nothing vanishes by itself.</summary>
public sealed class InMemoryContentStore : IContentStore
{
    private readonly ConcurrentDictionary<(MessageId Message, int Chunk), byte[]> _chunks = new();

    /// <summary>While set, every write and read throws it.</summary>
    public StoreUnavailableException? Refusal { get; set; }

    /// <summary>How many chunks are kept now, over all messages.</summary>
    public int Count => _chunks.Count;

    public ValueTask WriteChunkAsync(MessageId message, int chunk, ReadOnlyMemory<byte> octets, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        ThrowIfRefusing();
        _chunks[(message, chunk)] = octets.ToArray();
        return ValueTask.CompletedTask;
    }

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadChunksAsync(Message message, [EnumeratorCancellation] CancellationToken cancellation)
    {
        for (var chunk = 0; chunk < message.Content.Chunks; chunk++)
        {
            cancellation.ThrowIfCancellationRequested();
            ThrowIfRefusing();
            yield return _chunks.TryGetValue((message.Id, chunk), out var octets)
                ? octets
                : throw new StoreUnavailableException($"chunk {chunk} of {message.Id} is missing");
            await Task.CompletedTask;
        }
    }

    public ValueTask DiscardAsync(MessageId message, int chunks)
    {
        for (var chunk = 0; chunk < chunks; chunk++)
        {
            _chunks.TryRemove((message, chunk), out _);
        }

        return ValueTask.CompletedTask;
    }

    private void ThrowIfRefusing()
    {
        if (Refusal is { } refusal)
        {
            throw refusal;
        }
    }
}
