using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Shapes;

/// <summary>One cluster for all tests that leave it whole: six processes are enough. Whoever kills one starts a cluster of his own.</summary>
[CollectionDefinition(Name)]
public sealed class ClusterCollection : ICollectionFixture<SharedCluster>
{
    public const string Name = "on a cluster";
}

public sealed class SharedCluster : IAsyncLifetime
{
    private RedisCluster? _cluster;

    public RedisCluster Cluster => _cluster ?? throw new InvalidOperationException("the cluster was not started");

    public async ValueTask InitializeAsync() => _cluster = await RedisCluster.StartAsync(CancellationToken.None);

    public ValueTask DisposeAsync() => _cluster?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>A store of its own for one test: empty, and opened by one node.</summary>
    internal async Task<StoreUnderTest> OpenAsync(TimeProvider time, CancellationToken cancellation, params (string, string)[] settings)
    {
        await Cluster.EmptyAsync(cancellation);
        return await StoreUnderTest.StartAsync(Cluster.ConnectionString, StoreUnderTest.NewFolder(), time, cancellation, settings);
    }
}
