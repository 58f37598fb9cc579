namespace Relay.Host.Certificates;

/// <summary>The certificate of our own doors: <c>Relay:Tls</c>.</summary>
public sealed class TlsOptions
{
    public const string Section = "Tls";

    /// <summary>A PEM file: our certificate first, then its chain. Both or neither of the two are set.</summary>
    // None: a self-signed one is made and kept, so that STARTTLS works from the first start.
    public string? Certificate { get; set; }

    /// <summary>A PEM file with the private key; may be the same file.</summary>
    public string? Key { get; set; }
}
