using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Relay.Delivery.Scheduling;
using Relay.Mail.Sites;

namespace Relay.Delivery.Providers;

/// <summary>
/// Asks for this node's shares, of receivers and of accounts' rates, and renews them while there is mail for them; then they run out. Also puts up, for people who
/// ask another node, how the sites of this one stand.
/// </summary>
internal sealed class ShareKeeper(
    ProviderDirectory providers, AccountRates rates, NodeShares shares, ISiteReader sites, ISiteBoard board, TimeProvider time, ILogger<ShareKeeper> logger) : BackgroundService
{
    // Several times in the life of a share, and about as often as a person looks again.
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stopping)
    {
        try
        {
            await Task.WhenAll(BeatAsync(stopping), AnswerAsync(stopping));
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // What is held runs out.
        }
    }

    private async Task BeatAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Beat, time);
        var wereNeeded = false;
        while (await timer.WaitForNextTickAsync(stopping))
        {
            // Once more where they were needed until now: the last of several nodes has everything, and nobody else tells it.
            var areNeeded = shares.AreNeeded;
            foreach (var shared in areNeeded || wereNeeded ? providers.All.Concat(rates.Shared) : [])
            {
                await RenewAsync(shared, stopping);
            }

            wereNeeded = areNeeded;

            await PostAsync(stopping);
        }
    }

    private async Task AnswerAsync(CancellationToken stopping)
    {
        await foreach (var shared in shares.Asking.ReadAllAsync(stopping))
        {
            await RenewAsync(shared, stopping);
        }
    }

    private async Task RenewAsync(IShared shared, CancellationToken stopping)
    {
        try
        {
            await shares.RenewAsync(shared, stopping);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The store is away, or it is a mistake of ours: neither must end the delivery.
            logger.ShareNotRenewed(shared.Name, e.Message);
        }
    }

    private async Task PostAsync(CancellationToken stopping)
    {
        try
        {
            await board.PostAsync(sites.List(), stopping);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            logger.SitesNotPosted(e.Message);
        }
    }
}
