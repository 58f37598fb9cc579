using Relay.Mail.Tokens;

namespace Relay.Mail.Lists;

/// <summary>Takes people off, whichever way they said so.</summary>
public interface IUnsubscribes
{
    /// <summary>Nothing of the stream goes to the recipient from now on, durably; again it changes nothing.</summary>
    /// <param name="how">In a few words: <c>one click</c>, <c>by mail</c>.</param>
    /// <exception cref="Queue.StoreUnavailableException">It could not be kept; the same may be asked again.</exception>
    ValueTask TakeAsync(Unsubscription wish, string how, CancellationToken cancellation);
}
