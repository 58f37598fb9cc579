using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Harness;

/// <summary>Debian's Exim as the mail exchanger of one domain.</summary>
internal sealed class EximServer : IRemoteEnd
{
    public const string Domain = "exim.test";
    private readonly PackageRoom _room;

    private EximServer(PackageRoom room) => _room = room;

    public int Port { get; } = FreePorts.Next();

    public string MailDomain => Domain;

    /// <param name="certificate">With one it offers STARTTLS.</param>
    public static async Task<EximServer> StartAsync(CancellationToken cancellation, ServerCertificate? certificate = null)
    {
        var server = new EximServer(await PackageRoom.MakeAsync(["exim4-base", "exim4-daemon-light"], ["Debian-exim"], cancellation));
        try
        {
            var etc = Directory.CreateDirectory(Path.Combine(server._room.Etc, "exim4")).FullName;
            certificate?.Write(etc);
            await File.WriteAllTextAsync(Path.Combine(etc, "exim4.conf"), server.Settings(certificate is not null), cancellation);

            // It reads no settings that anybody but root could have changed.
            (await ChildProcess.RunAsync("chmod", ["644", Path.Combine(etc, "exim4.conf")], cancellation)).Succeeded();
            foreach (var folder in (string[])["exim4", "exim4/log", "exim4/mail"])
            {
                Directory.CreateDirectory(Path.Combine(server._room.Spool, folder));
            }

            (await ChildProcess.RunAsync("chown", ["-R", $"{PackageNamespace.Id(0)}:{PackageNamespace.Id(0)}", Path.Combine(server._room.Spool, "exim4"), .. Directory.GetFiles(etc, "*.pem")], cancellation)).Succeeded();
            await server._room.StartAsync(server.Port, cancellation, "/usr/sbin/exim4", "-bdf", "-q1m");
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public Task<IReadOnlyList<byte[]>> WaitForMailAsync(string user, int count, CancellationToken cancellation) =>
        Maildir.WaitAsync(Path.Combine(_room.Spool, "exim4/mail", user), count, () => _room.Output + Log(), cancellation);

    public ValueTask DisposeAsync() => _room.DisposeAsync();

    private string Log() => string.Concat(Directory.GetFiles(Path.Combine(_room.Spool, "exim4/log")).Select(File.ReadAllText));

    private string Settings(bool tls) => $"""
        primary_hostname = mx.{Domain}
        spool_directory = /var/spool/exim4
        log_file_path = /var/spool/exim4/log/%slog
        pid_file_path = /var/spool/exim4/exim.pid
        local_interfaces = <; [127.0.0.1]:{Port}
        keep_environment =
        host_lookup =
        rfc1413_hosts =
        tls_advertise_hosts = {(tls ? "*" : "")}
        {(tls ? $"tls_certificate = /etc/exim4/{ServerCertificate.ChainFile}\ntls_privatekey = /etc/exim4/{ServerCertificate.KeyFile}" : "")}
        acl_smtp_rcpt = of_ours

        begin acl
        of_ours:
          accept
            domains = {Domain}
            local_parts = ada : bob
          deny
            message = no such mailbox

        begin routers
        boxes:
          driver = accept
          domains = {Domain}
          local_parts = ada : bob
          transport = boxes

        begin transports
        boxes:
          driver = appendfile
          directory = /var/spool/exim4/mail/$local_part_data
          maildir_format
          create_directory
          user = Debian-exim
          check_string =
          escape_string =

        """;
}
