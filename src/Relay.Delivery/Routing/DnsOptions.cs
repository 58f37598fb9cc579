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

    /// <summary>How long one server has for an answer; each is asked again once.</summary>
    // A resolver's own upstream retries take some seconds; a lost datagram must not hold a domain up for longer.
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);
}
