using Relay.Mail.Messages;

namespace Relay.Mail.Queue;

/// <summary>Keeps the part of large contents that does not fit into the record, apart from the connection on which messages are accepted.</summary>
public interface IContentStore
{
    /// <summary>
    /// Whether chunks of mail from strangers, which comes in for an account's route, are still to be written. The last part of the room
    /// is kept for those who send: what strangers send is sent again by their hosts.
    /// </summary>
    bool HasRoomForStrangers { get; }

    /// <summary>
    /// Keeps one chunk of at most <see cref="MessageContent.ChunkBytes"/> octets of a message that is still arriving. What is never accepted vanishes
    /// by itself after a day.
    /// </summary>
    /// <exception cref="StoreUnavailableException">The store is away or full.</exception>
    ValueTask WriteChunkAsync(MessageId message, int chunk, ReadOnlyMemory<byte> octets, CancellationToken cancellation);

    /// <summary>The octets of a message behind its head, chunk by chunk, in order.</summary>
    /// <exception cref="StoreUnavailableException">The store is away, or a chunk is missing.</exception>
    IAsyncEnumerable<ReadOnlyMemory<byte>> ReadChunksAsync(Message message, CancellationToken cancellation);

    /// <summary>Forgets the chunks of a message that was not accepted. A failure is no matter: they vanish by themselves.</summary>
    ValueTask DiscardAsync(MessageId message, int chunks);
}

/// <summary>The store did not do what was asked; it may do so later.</summary>
public sealed class StoreUnavailableException(string message, bool full = false, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The store is there but has no room.</summary>
    public bool IsFull { get; } = full;
}
