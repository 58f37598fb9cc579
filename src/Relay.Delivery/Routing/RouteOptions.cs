using System.ComponentModel.DataAnnotations;

namespace Relay.Delivery.Routing;

/// <summary>
/// Where mail of a domain goes instead of to its MX: a smarthost or a server of our own. <c>example.com</c> means that
/// domain alone, <c>*.example.com</c> every domain below it, <c>*</c> everything. The closest one counts, wherever it stands.
/// </summary>
public sealed class RouteOptions
{
    [Required]
    public string Domain { get; set; } = "";

    /// <summary>A name or an address. It may be internal: who writes a route means it.</summary>
    [Required]
    public string Host { get; set; } = "";

    // The port of mail servers; a smarthost of a provider mostly wants 587 or 465.
    [Range(1, 65_535)]
    public int Port { get; set; } = 25;

    public RouteTls Tls { get; set; } = RouteTls.Opportunistic;

    public string? Username { get; set; }

    public string? Password { get; set; }
}

public enum RouteTls
{
    /// <summary>Clear text, and a login in it too: for a server on the same machine.</summary>
    None,

    /// <summary>STARTTLS where it is offered, whoever signed the certificate; else clear text. A login is sent inside TLS only.</summary>
    Opportunistic,

    /// <summary>STARTTLS with a certificate that proves the host, or no delivery.</summary>
    Required,

    /// <summary>TLS from the first octet (port 465) with a certificate that proves the host.</summary>
    Implicit,
}
