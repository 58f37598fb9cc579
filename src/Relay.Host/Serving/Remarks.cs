using System.Net;
using Microsoft.Extensions.Options;
using Relay.Host.Settings;
using Relay.Intake.Smtp;
using Relay.Mail.Lists;
using Relay.Redis;

namespace Relay.Host.Serving;

/// <summary>Says plainly at the start what the configuration asks for and will not get.</summary>
internal sealed partial class Remarks(
    IOptions<ProcessOptions> process, IOptions<InboundOptions> inbound, IOptions<StoreOptions> store, ListFields lists,
    IHostEnvironment environment, ILogger<Remarks> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (process.Value.Roles.Contains(RelayRole.Dashboard))
        {
            NoDashboard();
        }

        if (inbound.Value.Enabled && process.Value.Has(RelayRole.Intake) && !process.Value.Has(RelayRole.Feedback))
        {
            InboundElsewhere();
        }

        if (inbound.Value.Enabled && process.Value.Has(RelayRole.Feedback) && IsLoopback(inbound.Value.Address) && !environment.IsDevelopment())
        {
            InboundOnLoopback(inbound.Value.Address);
        }

        if (!lists.AddsLinks && !environment.IsDevelopment() && process.Value.Has(RelayRole.Intake))
        {
            NoLinks();
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

    [LoggerMessage(LogLevel.Warning, "Relay:Inbound:Enabled is true and Relay:Roles leaves feedback out: bounces are to come in at another process")]
    private partial void InboundElsewhere();

    private static bool IsLoopback(string address) => IPAddress.TryParse(address, out var parsed) && IPAddress.IsLoopback(parsed);

    [LoggerMessage(LogLevel.Warning, "Relay:Inbound:Enabled is true and its door is on loopback (Relay:Inbound:Address is {Address}): bounces from other machines reach it only where something on this one passes them on")]
    private partial void InboundOnLoopback(string address);

    [LoggerMessage(LogLevel.Warning, "Relay:Http:PublicUrl is not an https address: bulk mail gets no link to unsubscribe by one click, and large receivers refuse newsletters without it")]
    private partial void NoLinks();

    [LoggerMessage(LogLevel.Warning, "Relay:Roles leaves delivery out, and no other process can reach the embedded store: mail is accepted and waits")]
    private partial void NobodyDelivers();
}
