using System.Net;
using Relay.Load.Machine;
using Relay.Load.Traffic;
using Relay.TestKit;
using Relay.TestKit.Remote;

namespace Relay.Load.Targets.Rivals;

/// <summary>
/// Postfix as Debian packages it, in folders of its own, as a plain relay to the sink. Durability is untouched: each
/// message is flushed before its 250. Each setting that differs from the default is there to make it faster.
/// </summary>
internal sealed class PostfixTarget : ITarget
{
    // Beside what every installation has.
    private const string Services = """
        tlsmgr unix - - n 1000? 1 tlsmgr
        smtp unix - - n - - smtp

        """;

    private readonly PostfixProgram _postfix;
    private int _master;

    private PostfixTarget(PostfixProgram postfix, LoadTls tls) =>
        (_postfix, Door) = (postfix, new(new(IPAddress.Loopback, postfix.Port)) { Tls = tls });

    public Door Door { get; }

    /// <param name="settings">Lines of main.cf that win over ours, for whoever knows better ones.</param>
    public static async Task<PostfixTarget> StartAsync(
        Workspace workspace, string name, IEnumerable<string> settings, LoadTls tls, IPEndPoint sink, CancellationToken cancellation)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new InvalidOperationException("Postfix starts as root only: run the comparison as root");
        }

        if (RealParts.Find("postfix") is null)
        {
            throw new InvalidOperationException("Postfix is not installed on this machine");
        }

        var target = new PostfixTarget(await PostfixProgram.PrepareAsync(cancellation, workspace.Folder(name)), tls);
        try
        {
            await target._postfix.LaunchAsync(SettingsOf(sink, settings), Services, cancellation);
            target._master = await target._postfix.ReadMasterAsync(cancellation);
            return target;
        }
        catch
        {
            await target.DisposeAsync();
            throw;
        }
    }

    /// <summary>The lines for TLS with its clients, and with the sink: handshakes are resumed, as its documents advise.</summary>
    public static IEnumerable<string> Tls(TestCertificate certificate, bool toSink) =>
    [
        $"smtpd_tls_cert_file = {certificate.CertificateFile}",
        $"smtpd_tls_key_file = {certificate.KeyFile}",
        "smtpd_tls_security_level = may",
        .. toSink ? (string[])["smtp_tls_security_level = may", "smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache"] : [],
    ];

    public Task<Usage> ReadUsageAsync(CancellationToken cancellation) =>
        Task.FromResult(new Usage(new Dictionary<string, ProcessCost> { ["postfix"] = ProcessCost.Of(_master) }, null));

    public ValueTask DisposeAsync() => _postfix.DisposeAsync();

    private static string SettingsOf(IPEndPoint sink, IEnumerable<string> settings) => $"""
        myhostname = postfix.load.test
        mynetworks = 127.0.0.0/8
        relayhost = [{sink.Address}]:{sink.Port}
        smtpd_relay_restrictions = permit_mynetworks, reject
        smtpd_tls_security_level = none
        smtp_tls_security_level = none

        # No look-up of any kind.
        receive_override_options = no_address_mappings, no_header_body_checks, no_unknown_recipient_checks
        local_header_rewrite_clients =

        # As many processes as sessions and more, each used for long; no throttle between intake and delivery; a queue
        # that stays in memory.
        default_process_limit = 100
        max_use = 10000
        in_flow_delay = 0
        qmgr_message_active_limit = 100000
        qmgr_message_recipient_limit = 100000
        smtp_destination_concurrency_limit = 20
        initial_destination_concurrency = 20

        # To a sink on loopback a fresh connection costs less than asking the connection cache for one: measured with
        # and without, 2.3 against 2.7 CPU seconds per 1000 messages and 690 against 640 messages/s.
        smtp_connection_cache_on_demand = no

        {string.Join('\n', settings)}

        """;
}
