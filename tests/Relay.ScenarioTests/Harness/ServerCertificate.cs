using System.Security.Cryptography.X509Certificates;
using System.Text;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Harness;

/// <summary>A certificate as servers outside of .NET want it: PEM files.</summary>
/// <param name="above">Authorities that are shown with it.</param>
internal sealed class ServerCertificate(X509Certificate2 certificate, params IReadOnlyList<X509Certificate2> above)
{
    public const string ChainFile = "chain.pem";
    public const string KeyFile = "key.pem";

    public X509Certificate2 Certificate => certificate;

    /// <summary>Writes <see cref="ChainFile"/> and <see cref="KeyFile"/>.</summary>
    public void Write(string folder)
    {
        File.WriteAllText(Path.Combine(folder, ChainFile), string.Concat(above.Prepend(certificate).Select(c => c.ExportCertificatePem() + "\n")));
        File.WriteAllText(Path.Combine(folder, KeyFile), (certificate.GetECDsaPrivateKey()?.ExportPkcs8PrivateKeyPem() ?? certificate.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem()) + "\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Path.Combine(folder, KeyFile), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    /// <summary>Makes every relay started with these variables trust the authority, beside nobody.</summary>
    public static RelaySetup Trust(RelaySetup setup, TestAuthority authority, string folder)
    {
        var file = Path.Combine(folder, "authority.pem");
        File.WriteAllText(file, authority.Certificate.ExportCertificatePem() + "\n", Encoding.ASCII);
        return setup with { Variables = new(setup.Variables) { ["SSL_CERT_FILE"] = file, ["SSL_CERT_DIR"] = folder } };
    }
}
