using Relay.TestKit;

namespace Relay.ScenarioTests.Harness;

/// <summary>
/// Debian's Postfix on a free port as the mail exchanger of one domain, with settings, queue and mailboxes of its own in a
/// temporary folder: the one that the machine may run is not touched.
/// </summary>
internal sealed class PostfixServer : IRemoteEnd
{
    public const string Domain = "postfix.test";

    /// <summary>Whose mail it takes and then finds nobody for, where it may send bounces.</summary>
    public const string EmptyDomain = "gone.test";
    private const int MailboxUser = 5000;
    private readonly string _program;
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-postfix-").FullName;

    private readonly IReadOnlyList<string> _domains;
    private readonly int? _bouncePort;

    private PostfixServer(string program, IReadOnlyList<string> domains, int? bouncePort) =>
        (_program, _domains, _bouncePort) = (program, [Domain, .. domains], bouncePort);

    public int Port { get; } = FreePorts.Next();

    /// <summary>Speaks TLS from the first octet; only where there is a certificate.</summary>
    public int ImplicitTlsPort { get; } = FreePorts.Next();

    public string MailDomain => Domain;

    /// <summary>Starts one, or skips the test where Postfix is missing or the tests do not run as root, which its start demands.</summary>
    /// <param name="certificate">With one it offers STARTTLS.</param>
    /// <param name="domains">Whose mail it takes beside that of <see cref="Domain"/>, for the same mailboxes.</param>
    public static Task<PostfixServer> StartAsync(CancellationToken cancellation, ServerCertificate? certificate = null, params IReadOnlyList<string> domains) =>
        StartAsync(certificate, null, domains, cancellation);

    /// <summary>Starts one that takes mail for <see cref="EmptyDomain"/> too, and brings its bounces to a port.</summary>
    public static Task<PostfixServer> StartBouncingAsync(int port, CancellationToken cancellation, params IReadOnlyList<string> domains) =>
        StartAsync(null, port, domains, cancellation);

    private static async Task<PostfixServer> StartAsync(ServerCertificate? certificate, int? bouncePort, IReadOnlyList<string> domains, CancellationToken cancellation)
    {
        var program = RealParts.Require("postfix");
        // Postfix starts as root only.
        RealParts.RequireRoot();
        var server = new PostfixServer(program, domains, bouncePort);
        try
        {
            await server.LaunchAsync(certificate, cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>The messages in a mailbox as Postfix wrote them, once there are so many.</summary>
    public async Task<IReadOnlyList<byte[]>> WaitForMailAsync(string user, int count, CancellationToken cancellation)
    {
        return await Maildir.WaitAsync(Path.Combine(_folder, "mail", user), count, Log, cancellation);
    }

    public string Log() => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";

    public async ValueTask DisposeAsync()
    {
        if (File.Exists(Path.Combine(_folder, "queue/pid/master.pid")))
        {
            await ChildProcess.RunAsync(_program, ["-c", Config, "stop"], CancellationToken.None);
        }

        Directory.Delete(_folder, recursive: true);
    }

    private string Config => Path.Combine(_folder, "etc");

    private string LogFile => Path.Combine(_folder, "mail.log");

    private async Task LaunchAsync(ServerCertificate? certificate, CancellationToken cancellation)
    {
        // Its daemons drop root and must still reach their folders.
        (await ChildProcess.RunAsync("chmod", ["755", _folder], cancellation)).Succeeded();
        foreach (var folder in (string[])["etc", "queue", "data", "mail"])
        {
            Directory.CreateDirectory(Path.Combine(_folder, folder));
        }

        (await ChildProcess.RunAsync("chown", ["postfix", Path.Combine(_folder, "data")], cancellation)).Succeeded();
        (await ChildProcess.RunAsync("chown", [$"{MailboxUser}:{MailboxUser}", Path.Combine(_folder, "mail")], cancellation)).Succeeded();
        certificate?.Write(Config);
        await File.WriteAllTextAsync(Path.Combine(Config, "main.cf"), Main() + (certificate is null ? "" : Tls()) + (_bouncePort is { } port ? Bounces(port) : ""), cancellation);
        await File.WriteAllTextAsync(Path.Combine(Config, "master.cf"), Services() + (certificate is null ? "" : ImplicitTls()) + (_bouncePort is null ? "" : Client), cancellation);
        (await ChildProcess.RunAsync(_program, ["-c", Config, "start"], cancellation)).Succeeded();
        await PortProbe.UntilAnswersAsync(Port, () => false, Log, cancellation);
    }

    // Who is not in the table of mailboxes is refused at RCPT, as everywhere.
    private string Main() => $"""
        compatibility_level = 3.6
        queue_directory = {_folder}/queue
        data_directory = {_folder}/data
        maillog_file = {LogFile}
        maillog_file_prefixes = {_folder}
        myhostname = mx.{Domain}
        mydestination =
        mynetworks =
        inet_interfaces = 127.0.0.1
        inet_protocols = ipv4
        alias_maps =
        alias_database =
        smtp_dns_support_level = disabled
        smtpd_peername_lookup = no
        smtpd_relay_restrictions = reject_unauth_destination
        smtpd_forbid_bare_newline = yes
        smtputf8_enable = yes
        virtual_mailbox_domains = {string.Join(' ', _domains)}
        virtual_mailbox_base = {_folder}/mail
        virtual_mailbox_maps = inline:{"{"} {string.Join(" , ", _domains.SelectMany(d => (string[])[$"ada@{d}=ada/", $"bob@{d}=bob/"]))} {"}"}
        virtual_uid_maps = static:{MailboxUser}
        virtual_gid_maps = static:{MailboxUser}
        message_size_limit = 52428800
        virtual_mailbox_limit = 0

        """;

    private string Tls() => $"""
        smtpd_tls_security_level = may
        smtpd_tls_chain_files = {Config}/{ServerCertificate.KeyFile}, {Config}/{ServerCertificate.ChainFile}
        smtpd_tls_received_header = yes

        """;

    private string ImplicitTls() => $"""
        tlsmgr unix - - n 1000? 1 tlsmgr
        127.0.0.1:{ImplicitTlsPort} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_tls_security_level=encrypt

        """;

    // Taken at RCPT, since whom a relayed domain has is not known; the agent that would deliver it finds no mailbox.
    private static string Bounces(int port) => $"""
        relay_domains = {EmptyDomain}
        transport_maps = inline:{"{"} {EmptyDomain}=virtual: {"}"}
        relayhost = [127.0.0.1]:{port}
        smtp_host_lookup = native

        """;

    private const string Client = """
        smtp unix - - n - - smtp

        """;

    private string Services() => $"""
        127.0.0.1:{Port} inet n - n - - smtpd
        pickup unix n - n 60 1 pickup
        cleanup unix n - n - 0 cleanup
        qmgr unix n - n 300 1 qmgr
        rewrite unix - - n - - trivial-rewrite
        bounce unix - - n - 0 bounce
        defer unix - - n - 0 bounce
        trace unix - - n - 0 bounce
        proxymap unix - - n - - proxymap
        virtual unix - n n - - virtual
        error unix - - n - - error
        retry unix - - n - - error
        anvil unix - - n - 1 anvil
        postlog unix-dgram n - n - 1 postlogd

        """;
}
