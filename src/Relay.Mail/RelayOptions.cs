using System.ComponentModel.DataAnnotations;

namespace Relay.Mail;

/// <summary>The settings that every part of the relay knows: the <c>Relay</c> section itself.</summary>
public sealed class RelayOptions
{
    public const string Section = "Relay";

    /// <summary>The name in greeting, EHLO, Received and reports. Should resolve to this machine and back.</summary>
    // The machine's own name is right on a server with a name; a laptop's does no harm on a first try.
    [Required]
    public string HostName { get; set; } = System.Net.Dns.GetHostName();

    /// <summary>Where the embedded store, the local journal and the development certificate are kept.</summary>
    [Required]
    public string DataDirectory { get; set; } = "data";
}
