using Relay.Smtp.Addresses;

namespace Relay.Mail.Routes;

/// <summary>Where mail of the world for a domain or an address of an account goes: to a webhook, to another address, or on to the host that the delivery's routes name.</summary>
public sealed record InboundRoute
{
    public required string Id { get; init; }
    public required string Account { get; init; }

    /// <summary>A domain, <c>help.shop.example</c>, or an address, as <see cref="KeyOf"/> has it. One route for each.</summary>
    public required string Match { get; init; }

    /// <summary>Posted to, with the mail raw and parsed.</summary>
    public Uri? Webhook { get; init; }

    /// <summary>What posts are signed with, as <see cref="Signing.KeySeal"/> sealed it for <see cref="SecretPlace"/>; empty without a webhook.</summary>
    public byte[] Secret { get => field ?? []; init; }

    /// <summary>Sent to instead of the address that the world wrote to.</summary>
    public string? ForwardTo { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The credential that made it.</summary>
    public required string By { get; init; }

    public string SecretPlace => $"route {Match}";

    /// <summary>What routes are looked up by: all in lower case, the domain as A-labels.</summary>
    public static string KeyOf(EnvelopeAddress address) => address.AsciiDomainText.ToLowerInvariant();
}

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
