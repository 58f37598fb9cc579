using Relay.Host.Listening;
using Relay.Mail.Queue;

namespace Relay.Host.Health;

/// <summary>Whether mail may be sent to this process now.</summary>
internal sealed class ReadinessCheck(IStoreHealth store, Listeners listeners, IHostApplicationLifetime lifetime)
{
    public Readiness Look()
    {
        var open = lifetime.ApplicationStarted.IsCancellationRequested && !lifetime.ApplicationStopping.IsCancellationRequested;
        return new Readiness(
            Status(open),
            new StoreReadiness(store.IsReady, store.Promise?.Class, store.Promise?.Sentence, store.Promise?.IsDeclared ?? false),
            [.. listeners.Bound.Select(listener => new ListenerReadiness(listener.Name, listener.EndPoint, open))]);
    }

    private ReadyStatus Status(bool open) =>
        lifetime.ApplicationStopping.IsCancellationRequested ? ReadyStatus.Stopping
        : !open ? ReadyStatus.Starting
        : !store.IsReady ? ReadyStatus.StoreUnavailable
        : ReadyStatus.Ready;
}
