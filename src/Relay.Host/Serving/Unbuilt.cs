using Microsoft.Extensions.Options;
using Relay.Host.Settings;

namespace Relay.Host.Serving;

/// <summary>Says plainly at the start what the configuration asks for and this version does not do.</summary>
internal sealed partial class Unbuilt(IOptions<ProcessOptions> process, IOptions<InboundOptions> inbound, ILogger<Unbuilt> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (process.Value.Roles.Contains(RelayRole.Dashboard))
        {
            NoDashboard();
        }

        if (inbound.Value.Enabled)
        {
            NoInbound(inbound.Value.Port);
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Warning, "Relay:Roles names the dashboard: this version has no web pages, the role does nothing")]
    private partial void NoDashboard();

    [LoggerMessage(LogLevel.Warning, "Relay:Inbound:Enabled is true: this version takes no bounces or replies in, nothing listens on port {Port}")]
    private partial void NoInbound(int port);
}
