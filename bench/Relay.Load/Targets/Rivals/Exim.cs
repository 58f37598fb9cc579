using System.Net;
using Relay.Load.Machine;
using Relay.TestKit.Remote;

namespace Relay.Load.Targets.Rivals;

/// <summary>
/// Exim as Debian packages it, a plain relay to the sink: each message is flushed before its 250 and delivered at once by
/// a process of its own. What differs from its defaults makes it faster: no look-ups, no limit of load, a divided spool,
/// no log of each message's dialogue.
/// </summary>
internal static class Exim
{
    public static async Task<ITarget> StartAsync(Workspace workspace, string name, IPEndPoint sink, CancellationToken cancellation)
    {
        var room = await PackageRoom.MakeAsync(workspace, name, ["exim4-base", "exim4-daemon-light"], ["Debian-exim"], cancellation);
        var port = Workspace.FreePort();
        await room.WriteEtcAsync("exim4/exim4.conf", Settings(port, sink), cancellation);
        foreach (var folder in (string[])["exim4", "exim4/log"])
        {
            Directory.CreateDirectory(Path.Combine(room.Spool, folder));
        }

        await ChildProcess.RunAsync(
            workspace.File($"{name}-chown.log"), "chown", ["-R", $"{PackageNamespace.Id(0)}:{PackageNamespace.Id(0)}", Path.Combine(room.Spool, "exim4")], cancellation);
        return await ProcessTarget.WhenItGreetsAsync("exim", room.Start("/usr/sbin/exim4", "-bdf", "-q1m"), port, cancellation);
    }

    private static string Settings(int port, IPEndPoint sink) => $"""
        primary_hostname = exim.load.test
        spool_directory = /var/spool/exim4
        log_file_path = /var/spool/exim4/log/%slog
        pid_file_path = /var/spool/exim4/exim.pid
        local_interfaces = <; [127.0.0.1]:{port}
        tls_advertise_hosts =
        keep_environment =

        # No look-up of any kind, no sync check, no log of each message's own.
        host_lookup =
        rfc1413_hosts =
        smtp_enforce_sync = false
        message_logs = false

        # As many sessions as come, each with as many messages as it likes, each delivered at once.
        split_spool_directory = true
        smtp_accept_max = 500
        smtp_accept_queue = 0
        smtp_accept_queue_per_connection = 0
        smtp_accept_max_per_connection = 0
        smtp_connect_backlog = 500

        acl_smtp_rcpt = accept_all
        begin acl
        accept_all:
          accept

        begin routers
        all:
          driver = manualroute
          domains = *
          transport = sink
          route_list = * {sink.Address}::{sink.Port} byname
          self = send

        begin transports
        sink:
          driver = smtp
          allow_localhost
          hosts_avoid_tls = *

        begin retry
        * * F,2h,1m

        """;
}
