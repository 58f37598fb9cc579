using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using MailKit.Net.Smtp;
using MailKit.Security;
using Relay.ScenarioTests.Harness;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Starting;

public sealed class CertificateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-tls-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_configured_one_is_shown_on_both_kinds_of_listener()
    {
        var (certificateFile, keyFile, thumbprint) = Write("mail.shop.test");
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup().With("Tls:Certificate", certificateFile).With("Tls:Key", keyFile));

        Assert.Equal(thumbprint, await ShownAsync(relay.StartTlsPort, SecureSocketOptions.StartTls));
        Assert.Equal(thumbprint, await ShownAsync(relay.ImplicitTlsPort, SecureSocketOptions.SslOnConnect));
    }

    [Fact]
    public async Task Our_own_stays_the_same_over_a_restart()
    {
        await using var relay = await RelayUnderTest.StartAsync(Cancellation);
        var first = await ShownAsync(relay.StartTlsPort, SecureSocketOptions.StartTls);

        await relay.StopAsync(Cancellation);
        await relay.StartAgainAsync(Cancellation);

        Assert.Equal(first, await ShownAsync(relay.StartTlsPort, SecureSocketOptions.StartTls));
    }

    [Fact]
    public async Task The_doctor_shows_it_and_that_a_self_signed_one_is_worth_a_look()
    {
        await using var relay = await RelayUnderTest.StartAsync(Cancellation);

        var found = (await relay.CommandAsync(Cancellation, null, "doctor")).Succeeded();

        Assert.Contains("power-safe", found.Output, StringComparison.Ordinal);
        Assert.True(found.Output.Split('\n').Count(line => line.Contains("certificate relay.test (self-signed)", StringComparison.Ordinal)) == 2, found.Output);
        Assert.Equal(2, found.Output.Split('\n').Count(line => line.Contains("\tlook\t", StringComparison.Ordinal) && line.Contains("clients that check it refuse", StringComparison.Ordinal)));

        using var whole = JsonDocument.Parse((await relay.CommandAsync(Cancellation, null, "doctor", "--json")).Succeeded().Output);
        var doors = whole.RootElement.GetProperty("doors").EnumerateArray().ToList();
        Assert.Equal(2, doors.Count(door => door.GetProperty("state").GetString() == "look"));
        Assert.Equal("ready", whole.RootElement.GetProperty("status").GetString());
    }

    private static async Task<string> ShownAsync(int port, SecureSocketOptions security)
    {
        string? shown = null;
        using var client = new SmtpClient
        {
            ServerCertificateValidationCallback = (_, certificate, _, _) =>
            {
                shown = (certificate as X509Certificate2)?.Thumbprint;
                return true;
            },
        };
        await client.ConnectAsync("127.0.0.1", port, security, Cancellation);
        await client.DisconnectAsync(quit: true, Cancellation);
        return shown!;
    }

    private (string Certificate, string Key, string Thumbprint) Write(string name)
    {
        using var made = TestCertificate.For(name);
        using var key = made.GetRSAPrivateKey() as AsymmetricAlgorithm ?? made.GetECDsaPrivateKey()!;
        var certificateFile = Path.Combine(_folder, "fullchain.pem");
        var keyFile = Path.Combine(_folder, "privkey.pem");
        File.WriteAllText(certificateFile, made.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        return (certificateFile, keyFile, made.Thumbprint);
    }
}
