using System.Globalization;
using Relay.Load.Machine;
using Relay.Load.Rounds;
using Relay.Load.Targets;
using StackExchange.Redis;

namespace Relay.Load.Backlog;

/// <summary>
/// What it costs a Redis to write its log anew with what it holds now, and how much log comes before it does: a round either has
/// all of that in it or nothing, so it is measured by itself and shared out among the messages that cause it.
/// </summary>
/// <param name="Cpu">Of the child that writes.</param>
/// <param name="Growth">Octets from one to the next.</param>
internal sealed record LogRewriting(TimeSpan Cpu, long Growth)
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    /// <returns>Null where there is no Redis.</returns>
    public static async Task<LogRewriting?> MeasureAsync(RelayTarget relay, CancellationToken cancellation)
    {
        if (relay.RedisPort is not { } port)
        {
            return null;
        }

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Longest);
        await using var connection = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{port},allowAdmin=true");
        var server = connection.GetServers()[0];
        var before = await RestAsync(relay, deadline.Token);
        await server.SaveAsync(SaveType.BackgroundRewriteAppendOnlyFile);
        var after = await RestAsync(relay, deadline.Token);

        // As Redis decides it: beyond the least size, and so much larger than it was when it was written anew.
        var (least, percentage) = (await SettingAsync(server, "auto-aof-rewrite-min-size"), await SettingAsync(server, "auto-aof-rewrite-percentage"));
        return new((after - before).ChildrenCpu, Math.Max(least, after.LogSize * (100 + percentage) / 100) - after.LogSize);
    }

    /// <summary>CPU seconds for each thousand messages of a round.</summary>
    public double PerThousand(RoundResult round) =>
        Cpu.TotalSeconds * Math.Max(0, round.Store?.LogSize ?? 0) * 1000 / Math.Max(1, round.Accepted) / Growth;

    private static async Task<StoreWork> RestAsync(RelayTarget relay, CancellationToken cancellation)
    {
        // One that was asked for begins at Redis's next turn.
        StoreWork work;
        do
        {
            await Task.Delay(TimeSpan.FromMilliseconds(500), cancellation);
            work = (await relay.ReadUsageAsync(cancellation)).Store!;
        }
        while (work.IsRewriting);
        return work;
    }

    private static async Task<long> SettingAsync(IServer server, string name) =>
        long.Parse((await server.ConfigGetAsync(name))[0].Value, CultureInfo.InvariantCulture);
}
