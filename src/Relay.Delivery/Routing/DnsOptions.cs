using System.ComponentModel.DataAnnotations;

namespace Relay.Delivery.Routing;

/// <summary>Whom we ask for MX, A and AAAA.</summary>
public sealed class DnsOptions
{
    /// <summary>Name servers as <c>127.0.0.1:5353</c>; the port may be left out. Empty takes the system's.</summary>
    public string[] Servers { get; set; } = [];

    /// <summary>How long one server has for an answer; each is asked again once.</summary>
    // A resolver's own upstream retries take some seconds; a lost datagram must not hold a domain up for longer.
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);
}
