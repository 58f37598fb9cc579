using System.ComponentModel.DataAnnotations;

namespace Relay.Host.Settings;

/// <summary>Where mail for our own return path comes in: <c>Relay:Inbound</c>.</summary>
public sealed class InboundOptions
{
    public const string Section = "Inbound";

    // Off: a machine that only sends needs no open port 25.
    public bool Enabled { get; set; }

    // Loopback until someone opens it.
    [IpAddress]
    public string Address { get; set; } = "127.0.0.1";

    // Where the world delivers mail.
    [Range(0, 65_535)]
    public int Port { get; set; } = 25;
}
