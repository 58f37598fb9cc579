using System.ComponentModel.DataAnnotations;

namespace Relay.Delivery.Routing;

/// <summary>Whom we ask for MX, A and AAAA.</summary>
public sealed class DnsOptions
{
    /// <summary>Name servers as <c>127.0.0.1:5353</c>; the port may be left out. Empty takes the system's.</summary>
    public string[] Servers { get; set; } = [];

    /// <summary>
    /// Whether the servers validate DNSSEC and nobody on the way to them can change what they say: a resolver on this machine
    /// or in this network. Their word then counts, and DANE is used (RFC 7672, 2.2).
    /// </summary>
    // Off: nothing shows from here whether a resolver validates, and an answer that was forged on the way claims that it does.
    public bool Trusted { get; set; }

    /// <summary>How long an answer is waited for before the server is asked again, up to <see cref="Repeats"/> times.</summary>
    // A lost datagram must not hold a domain up for longer: a burst of new domains costs a resolver some.
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How often one server is asked again.</summary>
    // Ten seconds in all: a resolver's own upstream retries take some seconds, and it goes on with them while it is asked again.
    [Range(0, 20)]
    public int Repeats { get; set; } = 4;
}
