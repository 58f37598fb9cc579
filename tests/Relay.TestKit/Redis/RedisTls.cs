using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

namespace Relay.TestKit.Redis;

/// <summary>What a redis-server needs to speak TLS: an authority of its own, and a certificate that it signed, as files.</summary>
public sealed class RedisTls : IDisposable
{
    private readonly TestAuthority _authority = TestAuthority.Create("Test Redis Root");
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-redis-tls-").FullName;

    private RedisTls(string host)
    {
        Write(_authority.Certificate, "authority");

        // The servers of a cluster always ask each other.
        Write(_authority.For(host, connectsToo: true), "server");
    }

    /// <summary>For <c>Relay:RedisTls:Authority</c>.</summary>
    public string AuthorityFile => FileOf("authority.pem");

    /// <summary>Whether it asks those who connect for a certificate.</summary>
    public bool AsksClients { get; init; }

    /// <param name="host">Whom the servers' certificate is for.</param>
    public static RedisTls For(string host = "127.0.0.1", bool asksClients = false) => new(host) { AsksClients = asksClients };

    /// <summary>Makes a certificate for one who connects; the files of it and of its key.</summary>
    public (string Certificate, string Key) ForClient(string name)
    {
        Write(_authority.ForClient(name), name);
        return (FileOf($"{name}.pem"), FileOf($"{name}.key"));
    }

    /// <summary>Settings of a server, which speaks TLS at a second port.</summary>
    public string[] Settings() => [.. Pairs(FreePorts.Next()).SelectMany(pair => new[] { $"--{pair.Name}", pair.Value })];

    /// <summary>The same for one of several that speak TLS with each other, too.</summary>
    public string[] SettingsOfMany() => [.. Settings(), "--tls-replication", "yes", "--tls-cluster", "yes"];

    /// <summary>The same as lines of a sentinel's file.</summary>
    public string Lines(int port) => string.Join('\n', [.. Pairs(port).Select(pair => $"{pair.Name} {pair.Value}"), "tls-replication yes", ""]);

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private (string Name, string Value)[] Pairs(int port) =>
    [
        ("tls-port", port.ToString(CultureInfo.InvariantCulture)),
        ("tls-cert-file", FileOf("server.pem")),
        ("tls-key-file", FileOf("server.key")),
        ("tls-ca-cert-file", AuthorityFile),
        ("tls-auth-clients", AsksClients ? "yes" : "no"),
    ];

    private void Write(X509Certificate2 certificate, string name)
    {
        File.WriteAllText(FileOf($"{name}.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(FileOf($"{name}.key"), certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
    }

    private string FileOf(string name) => Path.Combine(_folder, name);
}
