using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Host.Certificates;
using Relay.Host.Settings;
using Relay.Mail;
using Relay.TestKit.Remote;

namespace Relay.Tests.Host.Certificates;

public sealed class ServerCertificateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-server-certificate-").FullName;
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    private string CertificateFile => Path.Combine(_folder, "fullchain.pem");

    private string KeyFile => Path.Combine(_folder, "privkey.pem");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Without_files_it_is_our_own() => Assert.Equal("CN=mx.relay.test", Shown(Create(new TlsOptions())).Subject);

    [Fact]
    public void A_renewed_file_is_taken_up_within_a_minute()
    {
        var first = Write("one.test");
        var certificate = Create(Configured);
        Assert.Equal(first, Shown(certificate).Thumbprint);

        var second = Write("two.test");
        Assert.Equal(first, Shown(certificate).Thumbprint);
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(second, Shown(certificate).Thumbprint);
    }

    [Fact]
    public void A_half_written_file_leaves_the_old_one_in_use_until_it_is_whole()
    {
        var first = Write("one.test");
        var certificate = Create(Configured);

        var second = Write("two.test");
        var whole = File.ReadAllText(CertificateFile);
        File.WriteAllText(CertificateFile, whole[..(whole.Length / 2)]);
        Age(1);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(first, Shown(certificate).Thumbprint);

        File.WriteAllText(CertificateFile, whole);
        Age(2);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(second, Shown(certificate).Thumbprint);
    }

    [Fact]
    public void Our_own_is_replaced_once_it_has_expired()
    {
        var certificate = Create(new TlsOptions());
        var first = Shown(certificate).Thumbprint;

        _time.Advance(TimeSpan.FromDays(826));

        Assert.NotEqual(first, Shown(certificate).Thumbprint);
    }

    [Fact]
    public void Files_that_cannot_be_used_are_named()
    {
        var e = Assert.Throws<SettingsException>(() => Create(Configured));

        Assert.StartsWith($"Relay:Tls: no certificate with its key can be read from {CertificateFile} and {KeyFile}", e.Message, StringComparison.Ordinal);
    }

    private TlsOptions Configured => new() { Certificate = CertificateFile, Key = KeyFile };

    private ServerCertificate Create(TlsOptions tls) => new(
        Options.Create(tls),
        Options.Create(new RelayOptions { HostName = "mx.relay.test", DataDirectory = _folder }),
        _time,
        NullLogger<ServerCertificate>.Instance);

    private static X509Certificate2 Shown(ServerCertificate certificate) => certificate.Current!.TargetCertificate;

    private string Write(string name)
    {
        using var made = TestCertificate.For(name);
        File.WriteAllText(CertificateFile, made.ExportCertificatePem());
        File.WriteAllText(KeyFile, made.GetECDsaPrivateKey()?.ExportPkcs8PrivateKeyPem() ?? made.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem());
        Age(0);
        return made.Thumbprint;
    }

    // Files written within the clock's grain of each other are told apart by hand.
    private int _writes;

    private void Age(int extra) => File.SetLastWriteTimeUtc(CertificateFile, DateTime.UtcNow.AddSeconds((++_writes * 10) + extra));
}
