using Relay.Smtp.Addresses;

namespace Relay.Mail.Routes;

/// <summary>Keeps the routes of all accounts.</summary>
/// <exception cref="Queue.StoreUnavailableException">From every method: the store does not answer.</exception>
public interface IInboundRouteStore
{
    /// <summary>The route of an address, else that of its domain; null when there is none.</summary>
    ValueTask<InboundRoute?> FindAsync(EnvelopeAddress recipient, CancellationToken cancellation);

    ValueTask<InboundRoute?> FindAsync(string match, CancellationToken cancellation);

    /// <summary>False when there is a route of this match already, whosever it is.</summary>
    ValueTask<bool> TryAddAsync(InboundRoute route, CancellationToken cancellation);

    /// <summary>Puts it in the place of another of the same match. False when that one is no longer there, whatever is: of several who try at once one comes through.</summary>
    ValueTask<bool> TryReplaceAsync(InboundRoute former, InboundRoute route, CancellationToken cancellation);

    /// <summary>An account's routes by match.</summary>
    ValueTask<IReadOnlyList<InboundRoute>> ListAsync(string account, CancellationToken cancellation);

    /// <summary>False when the account has no such route.</summary>
    ValueTask<bool> RemoveAsync(string account, string id, CancellationToken cancellation);
}
