using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Relay.TestKit.Remote;

/// <summary>A certificate authority made on the spot, that signs servers and authorities below itself.</summary>
public sealed class TestAuthority : IDisposable
{
    private TestAuthority(X509Certificate2 certificate) => Certificate = certificate;

    public X509Certificate2 Certificate { get; }

    /// <summary>Trusts this authority and no other.</summary>
    public X509ChainPolicy Policy => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        CustomTrustStore = { Certificate },
        RevocationMode = X509RevocationMode.NoCheck,
    };

    public static TestAuthority Create(string name = "Test Root")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = RequestOf(name, key, isAuthority: true);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-30), DateTimeOffset.UtcNow.AddDays(30));
        return new TestAuthority(Usable(certificate));
    }

    public TestAuthority Below(string name = "Test Intermediate")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new TestAuthority(WithKey(Sign(RequestOf(name, key, isAuthority: true), -20, 20), c => c.CopyWithPrivateKey(key)));
    }

    /// <param name="fromDays">From when it is valid, counted from today.</param>
    /// <param name="connectsToo">It is shown to other servers as well.</param>
    public X509Certificate2 For(string host, int fromDays = -1, int untilDays = 1, bool connectsToo = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return WithKey(Sign(ForServer(RequestOf(host, key, isAuthority: false), host, connectsToo), fromDays, untilDays), c => c.CopyWithPrivateKey(key));
    }

    /// <summary>One that names a host in octets that no name has.</summary>
    public X509Certificate2 ForGarbage(string host)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = RequestOf(host, key, isAuthority: false);
        request.CertificateExtensions.Add(new X509Extension("2.5.29.17", [0x30, 0x03, 0x82, 0x01, 0xff], critical: false));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        return WithKey(Sign(request, -1, 1), c => c.CopyWithPrivateKey(key));
    }

    /// <summary>The same with a key that older servers can use.</summary>
    public X509Certificate2 ForRsa(string host)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return WithKey(Sign(ForServer(request, host), -1, 1), c => c.CopyWithPrivateKey(key));
    }

    /// <summary>For one who connects, and shows who it is.</summary>
    public X509Certificate2 ForClient(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return WithKey(Sign(RequestOf(name, key, isAuthority: false), -1, 1), c => c.CopyWithPrivateKey(key));
    }

    public void Dispose() => Certificate.Dispose();

    private static CertificateRequest RequestOf(string name, ECDsa key, bool isAuthority)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        return request;
    }

    private static CertificateRequest ForServer(CertificateRequest request, string host, bool connectsToo = false)
    {
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(host, out var address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(host);
        }

        request.CertificateExtensions.Add(names.Build());
        OidCollection uses = [new Oid("1.3.6.1.5.5.7.3.1")];
        if (connectsToo)
        {
            uses.Add(new Oid("1.3.6.1.5.5.7.3.2"));
        }

        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(uses, false));
        return request;
    }

    private X509Certificate2 Sign(CertificateRequest request, int fromDays, int untilDays)
    {
        using var key = Certificate.GetECDsaPrivateKey()!;
        var serial = RandomNumberGenerator.GetBytes(8);
        serial[0] &= 0x7f;
        return request.Create(
            Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(key), DateTimeOffset.UtcNow.AddDays(fromDays), DateTimeOffset.UtcNow.AddDays(untilDays), serial);
    }

    private static X509Certificate2 WithKey(X509Certificate2 certificate, Func<X509Certificate2, X509Certificate2> withKey)
    {
        using var _ = certificate;
        using var whole = withKey(certificate);
        return Usable(whole);
    }

    // Through PKCS#12: an ephemeral key cannot be used by every platform's TLS.
    private static X509Certificate2 Usable(X509Certificate2 whole) => X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
}
