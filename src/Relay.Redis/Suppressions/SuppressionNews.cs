using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Queue;
using Relay.Mail.Suppressions;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using StackExchange.Redis;

namespace Relay.Redis.Suppressions;

/// <summary>
/// Tells all nodes by pub/sub which addresses were suppressed: who tells it, the account, and an address a line, or none where
/// they are too many. What was published while a node's connection was lost it has missed.
/// </summary>
internal sealed class SuppressionNews(Store store, IOptions<StoreOptions> options, TimeProvider time, ILogger<SuppressionNews> logger) : ISuppressionNews
{
    // A list that a person uploads comes in larger lots; nobody sends to each of them this second.
    private const int MostTold = 200;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    private readonly string _self = Guid.NewGuid().ToString("N");

    public event Action<string, IReadOnlyList<string>>? Suppressed;

    public event Action? Missed;

    // Nobody else can be on the store inside the process.
    private bool IsAlone => options.Value.IsEmbedded;

    /// <summary>Hears the others.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!IsAlone)
        {
            try
            {
                var others = store.Connections.Wakes;
                var told = await others.SubscribeAsync(StoreKeys.SuppressionNews).InTimeAsync(cancellation);
                told.OnMessage(message => Hear(message.Message.ToString().Split('\n')));
                others.Multiplexer.ConnectionRestored += (_, restored) =>
                {
                    if (restored.ConnectionType == ConnectionType.Subscription)
                    {
                        Missed?.Invoke();
                    }
                };
                return;
            }
            catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
            {
                logger.SuppressionsUnheard(StoreFailure.Of(e).Reason);
                await Task.Delay(Pause, time, cancellation);
            }
        }
    }

    /// <summary>Called when they are durable.</summary>
    public void Tell(string account, IReadOnlyList<string> addresses)
    {
        if (addresses.Count == 0)
        {
            return;
        }

        string[] lines = [_self, account, .. addresses.Count > MostTold ? [] : addresses];
        Raise(lines);
        if (!IsAlone && store.IsOpen)
        {
            _ = store.Connections.Wakes.PublishAsync(StoreKeys.SuppressionNews, string.Join('\n', lines), CommandFlags.FireAndForget);
        }
    }

    // What we have told ourselves we know.
    private void Hear(string[] lines)
    {
        if (lines[0] != _self)
        {
            Raise(lines);
        }
    }

    private void Raise(string[] lines)
    {
        if (lines is [_, var account, _, ..])
        {
            Suppressed?.Invoke(account, lines[2..]);
        }
        else
        {
            Missed?.Invoke();
        }
    }
}
