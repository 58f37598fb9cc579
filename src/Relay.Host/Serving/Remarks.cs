using Microsoft.Extensions.Options;
using Relay.Host.Settings;
using Relay.Redis;

namespace Relay.Host.Serving;

/// <summary>Says plainly at the start what the configuration asks for and will not get.</summary>
internal sealed partial class Remarks(
    IOptions<ProcessOptions> process, IOptions<InboundOptions> inbound, IOptions<StoreOptions> store, ILogger<Remarks> logger) : IHostedService
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

        if (!process.Value.Has(RelayRole.Delivery) && string.IsNullOrWhiteSpace(store.Value.Redis))
        {
            NobodyDelivers();
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Warning, "Relay:Roles names the dashboard: this version has no web pages, the role does nothing")]
    private partial void NoDashboard();

    [LoggerMessage(LogLevel.Warning, "Relay:Inbound:Enabled is true: this version takes no bounces or replies in, nothing listens on port {Port}")]
    private partial void NoInbound(int port);

    [LoggerMessage(LogLevel.Warning, "Relay:Roles leaves delivery out, and no other process can reach the embedded store: mail is accepted and waits")]
    private partial void NobodyDelivers();
}
