using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Relay.Delivery.Sending;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>
/// Keeps the window filled: leases what is due where there is room for it, and hands it on. At the stop it leases no more,
/// gives back what has not begun, lets begun transactions end, and cuts what is left when the host's time is over.
/// </summary>
internal sealed class DeliveryPump(
    IMailQueue queue,
    Dispatcher dispatcher,
    SiteDirectory sites,
    CourierOffice office,
    Settler settler,
    DeliveryWindow window,
    TimeProvider time,
    ILogger<DeliveryPump> logger) : BackgroundService
{
    // A batch may all be for one site that is not known yet: never more than a part of what is free, or it would have it all.
    private const int UnitsAtOnce = 64;
    private const int PartAtOnce = 4;

    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(1);

    // For outcomes that are known already, when connections had to be cut.
    private static readonly TimeSpan LastSettlements = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await window.WaitForRoomAsync(stopping);
                await LeaseAsync(stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                logger.LeasingFailed(e);
                await Task.Delay(PauseAfterFailure, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task LeaseAsync(CancellationToken stopping)
    {
        window.BeginAsking();
        var demand = new LeaseDemand(
            Math.Clamp(window.FreeUnits / PartAtOnce, 1, UnitsAtOnce), Math.Max(1, window.FreeBytes / PartAtOnce), dispatcher.ClosedGate)
        {
            HasRoom = dispatcher.HasRoomFor,
            IsPutOff = lane => dispatcher.ExcuseFor(lane) is not null,
        };
        foreach (var lease in await queue.LeaseDueAsync(demand, stopping))
        {
            dispatcher.Dispatch(lease);
        }
    }

    public override async Task StopAsync(CancellationToken cancellation)
    {
        await base.StopAsync(cancellation);
        dispatcher.Stop();
        logger.Stopping(window.Held);
        try
        {
            await sites.WaitUntilEmptyAsync(cancellation);
            await window.WaitUntilEmptyAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            logger.StoppingHard();
            office.Abort();
            await SettleLastAsync();
        }
    }

    private async Task SettleLastAsync()
    {
        try
        {
            using var last = new CancellationTokenSource(LastSettlements, time);
            await sites.WaitUntilEmptyAsync(last.Token);
            await window.WaitUntilEmptyAsync(last.Token);
        }
        catch (OperationCanceledException)
        {
            settler.GiveUp();
        }
    }
}
