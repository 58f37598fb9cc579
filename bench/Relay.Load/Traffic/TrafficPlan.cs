using System.Net;

namespace Relay.Load.Traffic;

internal enum LoadTls
{
    None,
    StartTls,
    Implicit,
}

/// <summary>How mail is sent, whoever takes it.</summary>
internal sealed record TrafficPlan
{
    public required int Sessions { get; init; }

    /// <summary>Octets of header and body.</summary>
    public required int Size { get; init; }

    public required int Domains { get; init; }

    /// <summary>What the domains lie in.</summary>
    public string Zone { get; init; } = "load.test";

    public required bool NewConnection { get; init; }

    /// <summary>A session sends its next message when the sink has the one before.</summary>
    public bool AwaitsArrival { get; init; }

    /// <summary>How long a session pauses between two messages.</summary>
    public TimeSpan Pause { get; init; }

    /// <summary>How long one read, write or connect may take.</summary>
    public required TimeSpan Timeout { get; init; }
}

/// <summary>Where mail is sent to, and how one gets in there.</summary>
internal sealed record Door(IPEndPoint Address)
{
    public bool Http { get; init; }

    public LoadTls Tls { get; init; }

    /// <summary>API key or SMTP password; none is no AUTH.</summary>
    public string? Key { get; init; }

    public string User { get; init; } = "load";
}
