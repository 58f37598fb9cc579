using Relay.Host.Listening;
using Relay.Mail.Queue;

namespace Relay.Host.Health;

/// <summary>Whether mail may be sent to this process now.</summary>
internal sealed class ReadinessCheck(IStoreHealth store, Listeners listeners, IHostApplicationLifetime lifetime)
{
    public Readiness Look()
    {
        var status = Status();
        var open = status is ReadyStatus.Ready or ReadyStatus.StoreUnavailable;
        return new Readiness(
            status,
            Environment.MachineName,
            new StoreReadiness(store.IsReady, store.Promise?.Class, store.Promise?.Sentence, store.Promise?.IsDeclared ?? false)
            {
                Losses = store.Promise?.Losses,
                Warnings = store.Warnings,
            },
            [.. listeners.All.Select(listener => new ListenerReadiness(listener.Protocol, listener.Tls, listener.Address, open))]);
    }

    private ReadyStatus Status() =>
        lifetime.ApplicationStopping.IsCancellationRequested ? ReadyStatus.Stopping
        : !listeners.Opened.IsCompleted ? ReadyStatus.Starting
        : !store.IsReady ? ReadyStatus.StoreUnavailable
        : ReadyStatus.Ready;
}
