using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Relay.Redis;

namespace Relay.Load.Backlog;

/// <summary>The relay's store opened in this process, as a node that only takes mail in would.</summary>
internal sealed class OpenStore : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly IHostedLifecycleService[] _hosted;

    private OpenStore(ServiceProvider services)
    {
        _services = services;
        _hosted = [.. services.GetServices<IHostedService>().OfType<IHostedLifecycleService>()];
    }

    /// <param name="redis">Its port; null is the embedded store in the folder.</param>
    public static async Task<OpenStore> OpenAsync(int? redis, string folder, CancellationToken cancellation)
    {
        var relay = new ConfigurationBuilder()
            .AddInMemoryCollection(
            [
                new("Redis", redis is null ? null : $"127.0.0.1:{redis}"), new("DataDirectory", folder), new("Roles:0", "intake"),

                // It fills until it is told to stop.
                new("Queue:Watermark", "1"),
            ])
            .Build();
        var store = new OpenStore(new ServiceCollection().AddMetrics().AddLogging().AddRelayRedis(relay).BuildServiceProvider());
        foreach (var hosted in store._hosted)
        {
            await hosted.StartingAsync(cancellation);
        }

        return store;
    }

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public async ValueTask DisposeAsync()
    {
        foreach (var hosted in _hosted)
        {
            await hosted.StoppedAsync(CancellationToken.None);
        }

        await _services.DisposeAsync();
    }
}
