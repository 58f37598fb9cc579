using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Smtp.Replies;

namespace Relay.Intake.Smtp;

/// <summary>The store, for contents of any who may fill it.</summary>
internal sealed class StoredContents(IContentStore store) : IContentPlace
{
    public async ValueTask<SmtpReply?> KeepAsync(MessageId message, int chunk, ReadOnlyMemory<byte> octets)
    {
        try
        {
            await store.WriteChunkAsync(message, chunk, octets, CancellationToken.None);
            return null;
        }
        catch (StoreUnavailableException exception)
        {
            return exception.IsFull ? Replies.StoreFull : Replies.StoreUnavailable;
        }
    }

    public ValueTask DropAsync(MessageId message, int chunks) => store.DiscardAsync(message, chunks);
}
