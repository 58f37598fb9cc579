using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Relay.Intake.Domains;

/// <summary>Looks every hour whether our name still leads to us and back, and warns when it does not: large receivers refuse mail then.</summary>
internal sealed partial class HostNameWatch(HostNameCheck check, TimeProvider time, ILogger<HostNameWatch> logger) : BackgroundService
{
    private static readonly TimeSpan Round = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Round, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await LookAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    /// <summary>One look.</summary>
    internal async ValueTask LookAsync(CancellationToken cancellation)
    {
        if (await check.LookAsync(cancellation) is { Kind: ChecklistState.Bad, Finding: var finding })
        {
            LogLost(finding);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A name that this relay says in EHLO does not lead back to itself, and large receivers refuse such senders: {Finding}")]
    private partial void LogLost(string finding);
}
