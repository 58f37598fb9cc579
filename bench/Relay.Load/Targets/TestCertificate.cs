using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Relay.Load.Machine;

namespace Relay.Load.Targets;

/// <summary>A certificate that nobody signed, for the handshakes of a run: P-256, as most hosts have by now.</summary>
internal sealed record TestCertificate(X509Certificate2 Certificate, string CertificateFile, string KeyFile)
{
    public static TestCertificate Write(Workspace workspace)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=load.test", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("load.test");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var now = DateTimeOffset.UtcNow;
        var certificate = request.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
        var written = new TestCertificate(certificate, workspace.File("certificate.pem"), workspace.File("key.pem"));
        File.WriteAllText(written.CertificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(written.KeyFile, key.ExportPkcs8PrivateKeyPem());
        return written;
    }
}
