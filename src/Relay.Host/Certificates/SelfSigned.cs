using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Relay.Host.Certificates;

/// <summary>
/// The certificate of a relay that was given none, kept in the data directory so that a client which was told to trust it
/// goes on trusting it after a restart. Made anew when it has expired or names another host.
/// </summary>
internal static class SelfSigned
{
    private const string FileName = "certificate.pem";

    // Apple's systems refuse longer ones even where the user trusts them.
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(825);

    public static X509Certificate2 LoadOrCreate(string dataDirectory, string hostName, TimeProvider time)
    {
        var path = Path.Combine(dataDirectory, FileName);
        if (TryLoad(path) is { } kept)
        {
            if (time.GetUtcNow() < kept.NotAfter.ToUniversalTime() && kept.MatchesHostname(hostName))
            {
                return kept;
            }

            kept.Dispose();
        }

        using var made = Create(hostName, time.GetUtcNow());
        Keep(made, path);
        return TryLoad(path) ?? throw new IOException($"the certificate just written to {path} cannot be read");
    }

    private static X509Certificate2 Create(string hostName, DateTimeOffset now)
    {
        // P-256: every client takes it, and its handshake costs the server a tenth of RSA's.
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={hostName}", key, HashAlgorithmName.SHA256);

        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(hostName);
        if (hostName != "localhost")
        {
            names.AddDnsName("localhost");
        }

        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1", "serverAuth")], false));

        // An hour back, for clients whose clock is late.
        return request.CreateSelfSigned(now.AddHours(-1), now + Lifetime);
    }

    // One file, put in place whole, so that a crash never leaves a certificate without its key.
    private static void Keep(X509Certificate2 certificate, string path)
    {
        using var key = certificate.GetECDsaPrivateKey()!;
        var pem = certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n";

        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var draft = path + ".new";
        File.Delete(draft);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var writer = new StreamWriter(draft, options))
        {
            writer.Write(pem);
        }

        File.Move(draft, path, overwrite: true);
    }

    private static X509Certificate2? TryLoad(string path)
    {
        try
        {
            return File.Exists(path) ? X509Certificate2.CreateFromPemFile(path, path) : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
