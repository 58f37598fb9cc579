using System.Net;
using Relay.Load.Machine;

namespace Relay.Load.Targets.Rivals;

/// <summary>OpenSMTPD as Debian packages it, a plain relay to the sink. It has no setting that would make it faster.</summary>
internal static class OpenSmtpd
{
    public static async Task<ITarget> StartAsync(Workspace workspace, string name, IPEndPoint sink, CancellationToken cancellation)
    {
        var room = await PackageRoom.MakeAsync(workspace, name, ["opensmtpd"], ["opensmtpd", "opensmtpq"], cancellation);
        var port = Workspace.FreePort();
        // It takes no spool that others may read.
        const UnixFileMode Spool = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        Directory.CreateDirectory(Path.Combine(room.Spool, "smtpd"), Spool);
        await room.WriteEtcAsync(
            "smtpd-load.conf",
            $"""
            listen on 127.0.0.1 port {port}
            action "sink" relay host smtp://{sink.Address}:{sink.Port}
            match from any for any action "sink"

            """,
            cancellation);
        return await ProcessTarget.WhenItGreetsAsync(
            "opensmtpd", room.Start("/usr/sbin/smtpd", "-d", "-f", "/etc/smtpd-load.conf"), port, cancellation);
    }
}
