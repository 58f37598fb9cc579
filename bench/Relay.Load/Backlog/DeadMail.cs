using Relay.Load.Machine;
using Relay.Load.Targets;
using Relay.Load.Traffic;
using Relay.Mail.Messages;

namespace Relay.Load.Backlog;

/// <summary>Mail that cannot leave, put into the queue of a running relay.</summary>
/// <param name="plan">Of what size, and for how many domains.</param>
/// <param name="domain">The domain with this number.</param>
internal sealed class DeadMail(RelayTarget relay, Workspace workspace, TrafficPlan plan, Func<int, string> domain)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    /// <summary>How much of it was accepted.</summary>
    public int Queued { get; private set; }

    /// <summary>Octets that the relay's process had in memory at most while it was queued.</summary>
    public long MostResident { get; private set; }

    public async Task QueueAsync(int count, CancellationToken cancellation)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var watch = WatchAsync(ended.Token);
        try
        {
            Queued += relay.RedisPort is { } redis ? await FillAsync(redis, count, cancellation) : await SendAsync(count, cancellation);
        }
        finally
        {
            await ended.CancelAsync();
            await watch;
        }
    }

    private async Task<int> FillAsync(int redis, int count, CancellationToken cancellation)
    {
        var first = Queued;
        await using var filler = await QueueFiller.OpenAsync(redis, workspace.Folder("filler"), cancellation);
        return await filler.FillAsync(
            RelayTarget.Account, MessageClass.Transactional, count, number => $"a{first + number}@{domain((first + number) % plan.Domains)}", plan.Size, cancellation);
    }

    // Nobody but the relay gets at its embedded store: by its door, which is slower.
    private async Task<int> SendAsync(int count, CancellationToken cancellation)
    {
        var ledger = new Ledger(phase: uint.MaxValue, count);
        await Task.Factory.StartNew(() => new Generator(plan with { Zone = RelaySetup.DeadZone }, relay.Door).Run(ledger, cancellation), TaskCreationOptions.LongRunning);
        return ledger.Accepted;
    }

    private async Task WatchAsync(CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            MostResident = Math.Max(MostResident, relay.Resident);
            await Task.Delay(Interval, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
