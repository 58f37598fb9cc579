using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Relay.Mail.Events;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Connections;
using Relay.Redis.Queue;

namespace Relay.Tests.Redis;

/// <summary>The store as a relay opens it, on a redis-server or embedded, without the rest of the relay.</summary>
internal sealed class StoreUnderTest : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    private StoreUnderTest(ServiceProvider services, string dataDirectory)
    {
        _services = services;
        DataDirectory = dataDirectory;
    }

    public string DataDirectory { get; }
    public IMailQueue Queue => Get<IMailQueue>();
    public IActivityReader Activity => Get<IActivityReader>();
    public IQueueReader Reader => Get<IQueueReader>();
    public Store Store => Get<Store>();
    public Window Window => Get<Window>();
    public StoreConnections Connections => Store.Connections;

    public static string NewFolder() => Directory.CreateTempSubdirectory("relay-store-").FullName;

    /// <param name="redis">Null is the embedded store.</param>
    public static async Task<StoreUnderTest> StartAsync(
        string? redis, string dataDirectory, TimeProvider time, CancellationToken cancellation, params (string Name, string Value)[] settings)
    {
        var relay = new ConfigurationBuilder()
            .AddInMemoryCollection([new("Redis", redis), new("DataDirectory", dataDirectory), .. settings.Select(s => new KeyValuePair<string, string?>(s.Name, s.Value))])
            .Build();
        var services = new ServiceCollection()
            .AddSingleton(time)
            .AddMetrics()
            .AddLogging(logging => logging.AddProvider(new TestOutputLogging()).SetMinimumLevel(LogLevel.Warning))
            .AddRelayRedis(relay)
            .BuildServiceProvider();
        var store = new StoreUnderTest(services, dataDirectory);
        try
        {
            await store.Get<StoreService>().StartingAsync(cancellation);
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }

        return store;
    }

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    /// <summary>Begins an attempt. On a machine that halts for a moment the lease may just then be too old, and is renewed.</summary>
    public Task BeginAsync(Lease lease, CancellationToken cancellation) => Eventually.HoldsAsync(() => Queue.TryBegin(lease), cancellation);

    /// <summary>Begins an attempt, and asks for its dot.</summary>
    public async Task BeginDotAsync(Lease lease, string host, CancellationToken cancellation)
    {
        await BeginAsync(lease, cancellation);
        await Eventually.HoldsAsync(() => Queue.TryBeginDotAsync(lease, host, cancellation).AsTask(), cancellation);
    }

    /// <summary>Stops in order: gives the partitions back.</summary>
    public Task StopAsync() => Get<StoreService>().CloseAsync(release: true);

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    private sealed class TestOutputLogging : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            TestContext.Current.TestOutputHelper?.WriteLine($"{logLevel}: {formatter(state, exception)} {exception}");
    }
}
