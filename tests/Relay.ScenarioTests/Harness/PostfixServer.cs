using Relay.TestKit.Relays;
using Relay.TestKit.Remote;

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
    private readonly PostfixProgram _postfix;
    private readonly IReadOnlyList<string> _domains;
    private readonly int? _bouncePort;

    private PostfixServer(PostfixProgram postfix, IReadOnlyList<string> domains, int? bouncePort) =>
        (_postfix, _domains, _bouncePort) = (postfix, [Domain, .. domains], bouncePort);

    public int Port => _postfix.Port;

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
        var server = new PostfixServer(await PostfixProgram.PrepareAsync(cancellation), domains, bouncePort);
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
        return await Maildir.WaitAsync(Path.Combine(Mailboxes, user), count, Log, cancellation);
    }

    public string Log() => _postfix.Log();

    public ValueTask DisposeAsync() => _postfix.DisposeAsync();

    private string Config => _postfix.Config;

    private string Mailboxes => Path.Combine(_postfix.Folder, "mail");

    private async Task LaunchAsync(ServerCertificate? certificate, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Mailboxes);
        (await ChildProcess.RunAsync("chown", [$"{MailboxUser}:{MailboxUser}", Mailboxes], cancellation)).Succeeded();
        certificate?.Write(Config);
        await _postfix.LaunchAsync(
            Main() + (certificate is null ? "" : Tls()) + (_bouncePort is { } port ? Bounces(port) : ""),
            Mailbox + (certificate is null ? "" : ImplicitTls()) + (_bouncePort is null ? "" : Client),
            cancellation);
    }

    // Who is not in the table of mailboxes is refused at RCPT, as everywhere.
    private string Main() => $"""
        myhostname = mx.{Domain}
        mynetworks =
        smtpd_relay_restrictions = reject_unauth_destination
        smtpd_forbid_bare_newline = yes
        smtputf8_enable = yes
        virtual_mailbox_domains = {string.Join(' ', _domains)}
        virtual_mailbox_base = {Mailboxes}
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

    private const string Mailbox = """
        virtual unix - n n - - virtual

        """;
}
