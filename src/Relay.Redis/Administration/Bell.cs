using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Queue;
using StackExchange.Redis;

namespace Relay.Redis.Administration;

/// <summary>
/// Rings when something was asked, answered or suspended, or the accounts were changed, in this process and by pub/sub in the others. A ring may be lost:
/// whoever waits for one looks by themselves from time to time.
/// </summary>
internal sealed class Bell(Store store, IOptions<StoreOptions> options, TimeProvider time, ILogger<Bell> logger)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    public Pulse Asked { get; } = new();

    public Pulse Answered { get; } = new();

    public Pulse Suspended { get; } = new();

    /// <summary>Accounts, credentials or domains were changed.</summary>
    public Pulse Accounts { get; } = new();

    /// <summary>Something was put on the way to a webhook by hand.</summary>
    public Pulse Webhooks { get; } = new();

    private ISubscriber Others => store.Connections.Background.Multiplexer.GetSubscriber();

    // Nobody else can be on the store inside the process.
    private bool IsAlone => options.Value.IsEmbedded;

    /// <summary>Hears the others; the client goes on hearing them over a loss of the connection.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!IsAlone)
        {
            try
            {
                var rings = await Others.SubscribeAsync(StoreKeys.Rings).InTimeAsync(cancellation);
                rings.OnMessage(ring => PulseOf(ring.Message.ToString())?.Beat());
                return;
            }
            catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
            {
                logger.BellUnheard(StoreFailure.Of(e).Reason);
                await Task.Delay(Pause, time, cancellation);
            }
        }
    }

    /// <param name="what">One of the five.</param>
    public void Ring(Pulse what)
    {
        what.Beat();
        if (!IsAlone && store.IsOpen)
        {
            _ = Others.PublishAsync(StoreKeys.Rings, NameOf(what), CommandFlags.FireAndForget);
        }
    }

    private string NameOf(Pulse what) => what == Asked ? "asked" : what == Answered ? "answered" : what == Suspended ? "suspended" : what == Webhooks ? "webhooks" : "accounts";

    private Pulse? PulseOf(string name) => name switch
    {
        "asked" => Asked,
        "answered" => Answered,
        "suspended" => Suspended,
        "accounts" => Accounts,
        "webhooks" => Webhooks,
        _ => null,
    };
}
