using Relay.TestKit.Redis;

namespace Relay.Faults.Stores;

/// <summary>Primaries with replicas: a cluster of three, or one watched by sentinels.</summary>
internal abstract class ReplicatedStore : IOutsideStore
{
    public abstract string ConnectionString { get; }

    /// <summary>All servers, whatever their part at the moment.</summary>
    protected abstract IReadOnlyList<RedisServer> Servers { get; }

    /// <summary>kill -9 of a primary; ends when a replica has its place.</summary>
    public abstract Task FailOverAsync(Random random, CancellationToken cancellation);

    public Task KillAsync() => Task.WhenAll(Servers.Select(s => s.KillAsync()));

    /// <summary>Starts what was killed; it comes back as a replica.</summary>
    public virtual async Task StartAgainAsync(CancellationToken cancellation)
    {
        foreach (var server in Servers.Where(s => !s.IsRunning))
        {
            await server.StartAgainAsync(cancellation);
        }
    }

    public void Pause()
    {
        foreach (var server in Servers)
        {
            server.Pause();
        }
    }

    public void Continue()
    {
        foreach (var server in Servers)
        {
            server.Continue();
        }
    }

    public abstract ValueTask DisposeAsync();
}

/// <summary>One primary and a replica, watched by sentinels.</summary>
internal sealed class SentinelStore(RedisSentinel sentinel) : ReplicatedStore
{
    public override string ConnectionString => sentinel.ConnectionString;

    protected override IReadOnlyList<RedisServer> Servers => sentinel.Servers;

    public override Task FailOverAsync(Random random, CancellationToken cancellation) => sentinel.FailOverAsync(cancellation);

    // What was killed believes itself the primary until the sentinels tell it otherwise.
    public override async Task StartAgainAsync(CancellationToken cancellation)
    {
        await base.StartAgainAsync(cancellation);
        await sentinel.WaitUntilOnePrimaryAsync(cancellation);
    }

    public override ValueTask DisposeAsync() => sentinel.DisposeAsync();
}

/// <summary>Three primaries with a replica each.</summary>
internal sealed class ClusterStore(RedisCluster cluster) : ReplicatedStore
{
    public override string ConnectionString => cluster.ConnectionString;

    protected override IReadOnlyList<RedisServer> Servers => cluster.Servers;

    public override async Task FailOverAsync(Random random, CancellationToken cancellation) =>
        await cluster.FailOverAsync(await cluster.PrimaryOfAsync(random.Next(16_384), cancellation), cancellation);

    /// <summary>A third of the slots of one primary go to another.</summary>
    public async Task MoveSlotsAsync(Random random, CancellationToken cancellation)
    {
        const int Slots = 16_384;
        const int AThird = 1_800;
        var slot = random.Next(Slots);
        var from = await cluster.PrimaryOfAsync(slot, cancellation);
        var to = from;
        for (var tried = 1; to == from; tried++)
        {
            to = await cluster.PrimaryOfAsync((slot + (tried * AThird)) % Slots, cancellation);
        }

        await cluster.MoveSlotsAsync(from, to, AThird, cancellation);
    }

    public override async Task StartAgainAsync(CancellationToken cancellation)
    {
        await base.StartAgainAsync(cancellation);
        await cluster.WaitUntilWholeAsync(cancellation);
    }

    public override ValueTask DisposeAsync() => cluster.DisposeAsync();
}
