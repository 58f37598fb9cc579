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
