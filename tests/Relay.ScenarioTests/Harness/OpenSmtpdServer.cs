using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Harness;

/// <summary>Debian's OpenSMTPD as the mail exchanger of one domain.</summary>
internal sealed class OpenSmtpdServer : IRemoteEnd
{
    public const string Domain = "opensmtpd.test";

    // Its private key stands in a process of its own, and what the others hold is a key that asks it. OpenSSL 3 hands out a copy of
    // a key where OpenSSL 1.1 handed out the key itself, and what is written into the copy is lost: every handshake of Debian 12's
    // package would fail for want of a private key. Keys of a kind for which an engine is the default are still handled as before.
    private const string OpenSslSettings = """
        openssl_conf = all
        [all]
        engines = engines
        [engines]
        pkcs11 = pkcs11
        [pkcs11]
        engine_id = pkcs11
        init = 0
        default_algorithms = PKEY

        """;

    private readonly PackageRoom _room;

    private OpenSmtpdServer(PackageRoom room) => _room = room;

    public int Port { get; } = FreePorts.Next();

    public string MailDomain => Domain;

    /// <param name="certificate">For STARTTLS.</param>
    public static async Task<OpenSmtpdServer> StartAsync(CancellationToken cancellation, ServerCertificate certificate)
    {
        var server = new OpenSmtpdServer(await PackageRoom.MakeAsync(["opensmtpd", "libengine-pkcs11-openssl"], ["opensmtpd", "opensmtpq", "vmail"], cancellation));
        try
        {
            certificate.Write(server._room.Etc);
            Directory.CreateDirectory(Path.Combine(server._room.Etc, "ssl"));
            await File.WriteAllTextAsync(Path.Combine(server._room.Etc, "ssl", "openssl.cnf"), OpenSslSettings, cancellation);
            await File.WriteAllTextAsync(Path.Combine(server._room.Etc, "smtpd-test.conf"), server.Settings(), cancellation);

            // It takes no spool that others may read.
            Directory.CreateDirectory(Path.Combine(server._room.Spool, "smtpd"));
            (await ChildProcess.RunAsync("chmod", ["711", Path.Combine(server._room.Spool, "smtpd")], cancellation)).Succeeded();
            Directory.CreateDirectory(Path.Combine(server._room.Spool, "mail"));
            (await ChildProcess.RunAsync("chown", [$"{PackageNamespace.Id(2)}:{PackageNamespace.Id(2)}", Path.Combine(server._room.Spool, "mail")], cancellation)).Succeeded();
            await server._room.StartAsync(server.Port, cancellation, "/usr/sbin/smtpd", "-d", "-f", "/etc/smtpd-test.conf");
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public Task<IReadOnlyList<byte[]>> WaitForMailAsync(string user, int count, CancellationToken cancellation) =>
        Maildir.WaitAsync(Path.Combine(_room.Spool, "mail", user), count, () => _room.Output, cancellation);

    public ValueTask DisposeAsync() => _room.DisposeAsync();

    private string Settings() => $"""
        smtp max-message-size "50M"
        table boxes {"{"} ada = vmail, bob = vmail {"}"}
        pki "mx.{Domain}" cert "/etc/{ServerCertificate.ChainFile}"
        pki "mx.{Domain}" key "/etc/{ServerCertificate.KeyFile}"
        listen on 127.0.0.1 port {Port} tls pki "mx.{Domain}" hostname mx.{Domain}
        action "boxes" maildir "/var/spool/mail/%{"{"}dest.user{"}"}" virtual <boxes>
        match from any for domain "{Domain}" action "boxes"

        """;
}
