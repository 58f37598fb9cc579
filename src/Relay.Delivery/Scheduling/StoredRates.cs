using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Relay.Delivery.Providers;
using Relay.Mail.Accounts;
using Relay.Mail.Queue;

namespace Relay.Delivery.Scheduling;

/// <summary>The rates that accounts have of their own, as the store says, read again whenever accounts were changed.</summary>
internal sealed class StoredRates(IAccountStore accounts, AccountRates rates, TimeProvider time, ILogger<StoredRates> logger) : BackgroundService
{
    // Who makes accounts by the hundred has them read together.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stopping)
    {
        // However often it was changed, one look is enough.
        var changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        void Hear(AccountPart part)
        {
            if (part == AccountPart.Accounts)
            {
                changed.Writer.TryWrite(true);
            }
        }

        accounts.Changed += Hear;
        Hear(AccountPart.Accounts);
        try
        {
            while (true)
            {
                await changed.Reader.ReadAsync(stopping);
                if (!await TryReadAsync(stopping))
                {
                    Hear(AccountPart.Accounts);
                }

                await Task.Delay(Pause, time, stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Stopping is not an error.
        }
        finally
        {
            accounts.Changed -= Hear;
        }
    }

    private async Task<bool> TryReadAsync(CancellationToken cancellation)
    {
        try
        {
            var all = await accounts.ListAccountsAsync(cancellation);
            rates.Take(all.Where(a => a.Limits is not null).ToDictionary(a => a.Id, a => RateOf(a.Limits!.PerSecond), StringComparer.Ordinal));
            return true;
        }
        catch (StoreUnavailableException e)
        {
            logger.RatesNotRead(e.Message);
            return false;
        }
    }

    // In whole messages, as people would say it: 600 a minute rather than one in 0.1 seconds.
    internal static Rate? RateOf(double? perSecond)
    {
        if (perSecond is not { } rate)
        {
            return null;
        }

        foreach (var time in new[] { TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1), TimeSpan.FromHours(1) })
        {
            if (rate * time.TotalSeconds is var messages && messages >= 1 && Math.Abs(messages - Math.Round(messages)) < 1e-6)
            {
                return new Rate((int)Math.Round(messages), time);
            }
        }

        return new Rate(1, TimeSpan.FromSeconds(1 / rate));
    }
}
