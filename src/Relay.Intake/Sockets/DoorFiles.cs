using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Relay.Intake.Smtp;
using Relay.Mail;
using Relay.Mail.Messages;

namespace Relay.Intake.Sockets;

/// <summary>
/// Keeps clients from taking the files with which mail leaves and the store writes. Whoever comes when the doors have all that are
/// for them is told so and let go at once, which costs a look at one number for each connection.
/// </summary>
internal sealed partial class DoorFiles(IntakeMetrics metrics, TimeProvider time, ILogger<DoorFiles> logger)
{
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private DateTimeOffset? _told;

    /// <summary>Below which numbers clients' sockets stay; for tests.</summary>
    public FileShares Shares { get; set; } = FileShares.Ours;

    /// <summary>Whether a client that has just connected may stay; where it may not, that is counted.</summary>
    public bool HasRoomFor(Socket accepted, MessageSource door)
    {
        var most = door == MessageSource.Http ? Shares.Requests : Shares.Sessions;
        if (!OperatingSystem.IsLinux() || accepted.SafeHandle.DangerousGetHandle() < most)
        {
            return true;
        }

        metrics.Refused(door, DoorRefusal.NoFiles);
        lock (_lock)
        {
            var now = time.GetUtcNow();
            if (now - _told < Silence)
            {
                return false;
            }

            _told = now;
        }

        NoFiles(logger, most);
        return false;
    }

    [LoggerMessage(LogLevel.Warning, "Clients are turned away: this process has {Most} files open, and what it may have beyond that is kept for deliveries and the store")]
    private static partial void NoFiles(ILogger logger, int most);
}
