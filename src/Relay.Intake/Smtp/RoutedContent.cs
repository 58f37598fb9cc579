using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Routes;
using Relay.Smtp.Replies;

namespace Relay.Intake.Smtp;

/// <summary>
/// The store, for one content of the world that comes for a route. What a stranger sends is in the store before its final dot
/// was read, and that may never come: so each chunk is taken from what its account may get, and none is kept of what would be
/// refused as a whole.
/// </summary>
internal sealed class RoutedContent(IContentStore store, InboundRoute route, RoutedShare share, IntakeMetrics metrics) : IContentPlace
{
    private readonly StoredContents _contents = new(store);

    // Chunks come behind the first octets.
    private long _length = MessageContent.ChunkBytes;

    public async ValueTask<SmtpReply?> KeepAsync(MessageId message, int chunk, ReadOnlyMemory<byte> octets)
    {
        _length += octets.Length;
        if (!store.HasRoomForStrangers)
        {
            return No(Replies.StoreFull, RoutedAnswer.StoreFull);
        }

        if (route.Webhook is not null && _length > RoutedMail.MaxWebhookBytes)
        {
            return No(Replies.TooLarge, RoutedAnswer.TooLarge);
        }

        if (!share.TryTake(octets.Length))
        {
            return No(Replies.TooMuchRouted, RoutedAnswer.TooMuch);
        }

        return await _contents.KeepAsync(message, chunk, octets) is { } refusal
            ? No(refusal, refusal == Replies.StoreFull ? RoutedAnswer.StoreFull : RoutedAnswer.StoreUnavailable)
            : null;
    }

    public ValueTask DropAsync(MessageId message, int chunks)
    {
        share.GiveBack();
        return _contents.DropAsync(message, chunks);
    }

    private SmtpReply No(SmtpReply reply, RoutedAnswer answer)
    {
        metrics.Routed(answer);
        return reply;
    }
}
