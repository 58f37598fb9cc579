namespace Relay.ScenarioTests.Harness;

/// <summary>
/// Debian's OpenSMTPD as the mail exchanger of one domain, in clear text: the one of Debian 12 fails every handshake, that of
/// openssl's own client too, since its key process does not work with OpenSSL 3.
/// </summary>
internal sealed class OpenSmtpdServer : IRemoteEnd
{
    public const string Domain = "opensmtpd.test";
    private readonly PackageRoom _room;

    private OpenSmtpdServer(PackageRoom room) => _room = room;

    public int Port { get; } = FreePorts.Next();

    public string MailDomain => Domain;

    public static async Task<OpenSmtpdServer> StartAsync(CancellationToken cancellation)
    {
        var server = new OpenSmtpdServer(await PackageRoom.MakeAsync(["opensmtpd"], ["opensmtpd", "opensmtpq", "vmail"], cancellation));
        try
        {
            await File.WriteAllTextAsync(Path.Combine(server._room.Etc, "smtpd-test.conf"), server.Settings(), cancellation);

            // It takes no spool that others may read.
            Directory.CreateDirectory(Path.Combine(server._room.Spool, "smtpd"));
            (await ChildProcess.RunAsync("chmod", ["711", Path.Combine(server._room.Spool, "smtpd")], cancellation)).Succeeded();
            Directory.CreateDirectory(Path.Combine(server._room.Spool, "mail"));
            (await ChildProcess.RunAsync("chown", [$"{PackageRoom.Id(2)}:{PackageRoom.Id(2)}", Path.Combine(server._room.Spool, "mail")], cancellation)).Succeeded();
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
        listen on 127.0.0.1 port {Port} hostname mx.{Domain}
        action "boxes" maildir "/var/spool/mail/%{"{"}dest.user{"}"}" virtual <boxes>
        match from any for domain "{Domain}" action "boxes"

        """;
}
