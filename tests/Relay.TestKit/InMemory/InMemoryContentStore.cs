using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.TestKit.InMemory;

/// <summary>Chunks of large contents in memory; nothing vanishes by itself.</summary>
public sealed class InMemoryContentStore : IContentStore
{
    private readonly ConcurrentDictionary<(MessageId Message, int Chunk), byte[]> _chunks = new();
    private readonly TaskCompletionSource _discarded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>While set, every write and read throws it.</summary>
    public StoreUnavailableException? Refusal { get; set; }

    /// <summary>How many chunks are kept now, over all messages.</summary>
    public int Count => _chunks.Count;

    /// <summary>The most that were kept at a time.</summary>
    public int MostKept { get; private set; }

    /// <summary>Some chunks were discarded.</summary>
    public Task Discarded => _discarded.Task;

    public bool HasRoomForStrangers { get; set; } = true;

    public ValueTask WriteChunkAsync(MessageId message, int chunk, ReadOnlyMemory<byte> octets, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        ThrowIfRefusing();
        _chunks[(message, chunk)] = octets.ToArray();
        MostKept = Math.Max(MostKept, Count);
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

        _discarded.TrySetResult();
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
