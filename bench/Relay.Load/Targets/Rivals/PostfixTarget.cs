using System.Globalization;
using System.Net;
using Relay.Load.Machine;
using Relay.Load.Traffic;

namespace Relay.Load.Targets.Rivals;

/// <summary>
/// Postfix as Debian packages it, in folders of its own, as a plain relay to the sink. Durability is untouched: each
/// message is flushed before its 250. Each setting that differs from the default is there to make it faster.
/// </summary>
internal sealed class PostfixTarget : ITarget
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(30);

    private readonly Workspace _workspace;
    private readonly string _name;
    private readonly IEnumerable<string> _settings;
    private int _master;

    private PostfixTarget(Workspace workspace, string name, IEnumerable<string> settings, LoadTls tls, int port)
    {
        (_workspace, _name, _settings) = (workspace, name, settings);
        Door = new(new(IPAddress.Loopback, port)) { Tls = tls };
    }

    public Door Door { get; }

    private string Config => Path.Combine(_workspace.Root, _name, "etc");

    private string Queue => Path.Combine(_workspace.Root, _name, "queue");

    private string Pid => Path.Combine(Queue, "pid/master.pid");

    /// <param name="settings">Lines of main.cf that win over ours, for whoever knows better ones.</param>
    public static async Task<PostfixTarget> StartAsync(
        Workspace workspace, string name, IEnumerable<string> settings, LoadTls tls, IPEndPoint sink, CancellationToken cancellation)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new InvalidOperationException("Postfix starts as root only: run the comparison as root");
        }

        var target = new PostfixTarget(workspace, name, settings, tls, Workspace.FreePort());
        try
        {
            await target.StartAsync(sink, cancellation);
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

    private async Task StartAsync(IPEndPoint sink, CancellationToken cancellation)
    {
        var data = _workspace.Folder($"{_name}/data");
        _workspace.Folder($"{_name}/queue");
        _workspace.Folder($"{_name}/etc");
        await ChildProcess.RunAsync(_workspace.File($"{_name}-chown.log"), "chown", ["postfix", data], cancellation);
        await File.WriteAllTextAsync(Path.Combine(Config, "main.cf"), Main(data, sink), cancellation);
        await File.WriteAllTextAsync(Path.Combine(Config, "master.cf"), Services(Door.Address.Port), cancellation);

        await PostfixAsync("start", cancellation);
        for (var deadline = DateTime.UtcNow + StartTime; !await Greeting.ComesFromAsync(Door.Address, cancellation);)
        {
            if (DateTime.UtcNow > deadline)
            {
                throw new InvalidOperationException($"Postfix does not answer; see {Path.Combine(Config, "../mail.log")}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), cancellation);
        }

        _master = int.Parse(await File.ReadAllTextAsync(Pid, cancellation), CultureInfo.InvariantCulture);
    }

    private string Main(string data, IPEndPoint sink) => $"""
        compatibility_level = 3.6
        queue_directory = {Queue}
        data_directory = {data}
        maillog_file = {_workspace.Root}/{_name}/mail.log
        maillog_file_prefixes = {_workspace.Root}
        myhostname = postfix.load.test
        mydestination =
        mynetworks = 127.0.0.0/8
        inet_interfaces = 127.0.0.1
        inet_protocols = ipv4
        relayhost = [{sink.Address}]:{sink.Port}
        smtpd_relay_restrictions = permit_mynetworks, reject
        smtpd_tls_security_level = none
        smtp_tls_security_level = none

        # No look-up of any kind.
        alias_maps =
        alias_database =
        smtp_dns_support_level = disabled
        smtpd_peername_lookup = no
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

        {string.Join('\n', _settings)}

        """;

    private static string Services(int port) => $"""
        127.0.0.1:{port} inet n - n - - smtpd
        pickup unix n - n 60 1 pickup
        cleanup unix n - n - 0 cleanup
        qmgr unix n - n 300 1 qmgr
        tlsmgr unix - - n 1000? 1 tlsmgr
        rewrite unix - - n - - trivial-rewrite
        bounce unix - - n - 0 bounce
        defer unix - - n - 0 bounce
        trace unix - - n - 0 bounce
        proxymap unix - - n - - proxymap
        smtp unix - - n - - smtp
        error unix - - n - - error
        retry unix - - n - - error
        anvil unix - - n - 1 anvil
        scache unix - - n - 1 scache
        postlog unix-dgram n - n - 1 postlogd

        """;

    private Task PostfixAsync(string command, CancellationToken cancellation) =>
        ChildProcess.RunAsync(_workspace.File($"{_name}-{command}.log"), "postfix", ["-c", Config, command], cancellation);

    public async ValueTask DisposeAsync()
    {
        if (File.Exists(Pid))
        {
            await PostfixAsync("stop", CancellationToken.None);
        }
    }
}
