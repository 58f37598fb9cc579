using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Smtp.Addresses;

namespace Relay.Load.Backlog;

/// <summary>
/// Puts mail into the queue by the accept step itself, as a node that only takes mail in would, without
/// the cost of a door: a million messages in minutes.
/// </summary>
internal sealed class QueueFiller : IAsyncDisposable
{
    // So many wait for their answer at once; the accept writer makes full steps of them.
    private const int AtOnce = 512;

    private readonly OpenStore _store;

    private QueueFiller(OpenStore store) => _store = store;

    public static async Task<QueueFiller> OpenAsync(int redis, string folder, CancellationToken cancellation) =>
        new(await OpenStore.OpenAsync(redis, folder, cancellation));

    /// <returns>How many were accepted.</returns>
    /// <param name="recipient">The address of the message with this number.</param>
    public async Task<int> FillAsync(
        string account, MessageClass @class, int count, Func<int, string> recipient, int size, CancellationToken cancellation)
    {
        var queue = _store.Get<IMailQueue>();
        var head = new byte[size];
        "Subject: Your order has been shipped\r\n\r\n"u8.CopyTo(head);

        // As hard to compress as an attachment: what Redis compresses to nothing it also writes anew far too often.
        Random.Shared.GetItems<byte>("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"u8, head.AsSpan(40));
        var next = -1;
        var accepted = 0;
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(async _ =>
        {
            for (int number; (number = Interlocked.Increment(ref next)) < count;)
            {
                var message = MessageTo(recipient(number), account, @class, head);
                if (await queue.EnqueueAsync(message, null, cancellation) is EnqueueResult.Accepted)
                {
                    Interlocked.Increment(ref accepted);
                }
            }
        }));
        return accepted;
    }

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    private static Message MessageTo(string recipient, string account, MessageClass @class, byte[] head) => new()
    {
        Class = @class,
        Id = MessageId.Create(TimeProvider.System),
        Account = account,
        Credential = "load",
        Source = MessageSource.Smtp,
        Envelope = new Envelope
        {
            Sender = EnvelopeAddress.Parse("orders@sender.test"),
            Recipients = [new Recipient { Address = EnvelopeAddress.Parse(recipient) }],
        },
        Content = new MessageContent { Prologue = ReadOnlyMemory<byte>.Empty, Head = head, Length = head.Length },
        AcceptedAt = DateTimeOffset.UtcNow,
        From = "Shop <orders@sender.test>",
        Subject = "Your order has been shipped",
    };
}
