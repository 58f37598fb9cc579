using Relay.Delivery.Routing;

namespace Relay.Delivery.TlsPolicies;

/// <summary>What a connection to one host has to prove before mail goes over it, and by whose word.</summary>
internal sealed record TlsTerms
{
    public required RouteTls Mode { get; init; }

    /// <summary>The name by which the host is called in the handshake, and that its certificate has to prove.</summary>
    public required string Name { get; init; }

    /// <summary>Further names that an authority named by DANE may vouch for: the host as the MX names it, and the domain (RFC 7672, 3.2.2).</summary>
    public string? MxName { get; init; }

    public string? Domain { get; init; }

    /// <summary>What decides about the certificate in place of the system's authorities; null where DANE has no say.</summary>
    public IReadOnlyList<Tlsa>? Tlsa { get; init; }

    public TlsSource Source { get; init; }

    /// <summary>Nobody between us and the domain could have put another host's name in place of this one: DNSSEC, MTA-STS or a route names it.</summary>
    public bool IsHostCertain { get; init; }

    /// <summary>The message alone wants more than its destination does; that it fails says nothing about the host.</summary>
    public bool IsForMessage { get; init; }

    /// <summary>The message wants less than its destination does: no other may take this connection.</summary>
    public bool IsWaived { get; init; }

    /// <summary>What kept it from being safe before a word was said; with <see cref="TlsSource.StsTesting"/> only.</summary>
    public TlsTrouble? Trouble { get; init; }

    public bool NeedsTls => Mode is RouteTls.Required or RouteTls.Implicit;

    public bool NeedsProof => NeedsTls && Tlsa is not { Count: 0 };

    /// <summary>As events name it; null where nothing is asked.</summary>
    public string? Policy => Source == TlsSource.Route && !NeedsTls ? null : PolicyOf(Source);

    public static string? PolicyOf(TlsSource source) => source switch
    {
        TlsSource.Dane => "dane",
        TlsSource.StsEnforce => "mta-sts enforce",
        TlsSource.StsTesting => "mta-sts testing",
        TlsSource.Route => "route",
        TlsSource.Message => "message",
        _ => null,
    };
}

internal enum TlsSource
{
    /// <summary>Nobody asks for anything.</summary>
    Nobody,
    Route,
    StsTesting,
    StsEnforce,
    Dane,
    Message,
}
