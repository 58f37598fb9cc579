using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Relay.Delivery.TlsPolicies;

/// <summary>One TLSA record (RFC 6698, 2.1): a certificate or key that a host's chain must hold.</summary>
/// <param name="Usage">2 names an authority of the chain, 3 the host's own certificate. SMTP knows no other (RFC 7672, 3.1.3).</param>
/// <param name="Selector">0 the whole certificate, 1 its public key.</param>
/// <param name="Matching">0 the octets themselves, 1 their SHA-256, 2 their SHA-512.</param>
internal sealed record Tlsa(int Usage, int Selector, int Matching, ReadOnlyMemory<byte> Association)
{
    public const int Authority = 2;
    public const int Host = 3;

    public bool IsUsable =>
        Usage is Authority or Host && Selector is 0 or 1 && Matching switch
        {
            0 => Association.Length > 0,
            1 => Association.Length == SHA256.HashSizeInBytes,
            2 => Association.Length == SHA512.HashSizeInBytes,
            _ => false,
        };

    public bool Matches(X509Certificate2 certificate)
    {
        ReadOnlySpan<byte> selected = Selector == 0 ? certificate.RawDataMemory.Span : certificate.PublicKey.ExportSubjectPublicKeyInfo();
        return Matching switch
        {
            0 => selected.SequenceEqual(Association.Span),
            1 => SHA256.HashData(selected).AsSpan().SequenceEqual(Association.Span),
            _ => SHA512.HashData(selected).AsSpan().SequenceEqual(Association.Span),
        };
    }

    /// <summary>The certificate itself, where the record holds it whole: the host then need not show it. Null where it does not.</summary>
    public X509Certificate2? Certificate()
    {
        try
        {
            return (Selector, Matching) == (0, 0) ? X509CertificateLoader.LoadCertificate(Association.Span) : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>
    /// Those that may decide: usable, and of digests of the same thing only the strongest, so that a weak one cannot be used
    /// against a domain that publishes both (RFC 7671, 9).
    /// </summary>
    public static IReadOnlyList<Tlsa> Deciding(IEnumerable<Tlsa> records) =>
    [
        .. records.Where(r => r.IsUsable)
            .GroupBy(r => (r.Usage, r.Selector))
            .SelectMany(same => same.Where(r => r.Matching == 0 || r.Matching == same.Max(s => s.Matching))),
    ];

    /// <summary>As a zone file has it: <c>3 1 1 0123abcd</c>.</summary>
    public string ToZoneText() => $"{Usage} {Selector} {Matching} {Convert.ToHexStringLower(Association.Span)}";

    public override string ToString() => $"dane {Usage} {Selector} {Matching}";
}
