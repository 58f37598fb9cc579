using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Queue;

namespace Relay.Redis.Nodes;

/// <summary>
/// Tells the owner of a partition that another node has put mail into it, so that it reads just that lane; and everybody
/// that partitions are to be shared anew. One channel for all, a message of several lines:
/// <code>
/// m PARTITION DUE LANE      mail waits in this lane from this time on
/// s                         a node has come or gone, or a partition was given back
/// </code>
/// Nothing depends on it: a message may be lost, and the outbox tells of the mail within a second.
/// </summary>
internal sealed class Wakes(Store store, Window window, IOptions<StoreOptions> options, TimeProvider time, ILogger<Wakes> logger)
{
    private const string Shares = "s";

    // The first goes out at once; under load one message carries what came in so long.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(3);
    private static readonly TimeSpan HearingPause = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private Dictionary<(int Partition, Lane Lane), long> _arrived = [];
    private bool _sharesChanged;
    private TaskCompletionSource _signal = NewSignal();

    /// <summary>Partitions are to be shared anew.</summary>
    public event Action? SharesChanged;

    /// <summary>Mail was accepted into a partition of another node, due at this time in Unix milliseconds.</summary>
    public void Arrived(Partition partition, IReadOnlyList<Unit> units, long due)
    {
        lock (_lock)
        {
            foreach (var unit in units)
            {
                var place = (partition.Number, unit.Lane);
                _arrived[place] = _arrived.TryGetValue(place, out var known) ? Math.Min(known, due) : due;
            }
        }

        _signal.TrySetResult();
    }

    public void ChangeShares()
    {
        lock (_lock)
        {
            _sharesChanged = true;
        }

        _signal.TrySetResult();
    }

    /// <summary>Publishes what is not published yet; for the end of the process, whose loops have ended.</summary>
    public Task FlushAsync() => PublishAsync(Take());

    // Nobody else can be on the embedded store.
    public Task RunAsync(CancellationToken cancellation) =>
        options.Value.IsEmbedded ? Task.CompletedTask : Task.WhenAll(HearAsync(cancellation), TellAsync(cancellation));

    private async Task TellAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await _signal.Task.WaitAsync(cancellation);
            await PublishAsync(Take());
            await Task.Delay(Pause, time, cancellation);
        }
    }

    // Once heard, the client goes on hearing them over a loss of the connection.
    private async Task HearAsync(CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                var messages = await store.Connections.Wakes.SubscribeAsync(StoreKeys.Wake).InTimeAsync(cancellation);
                messages.OnMessage(message => Hear(((string?)message.Message) ?? ""));
                return;
            }
            catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
            {
                logger.WakesUnheard(StoreFailure.Of(e).Reason);
                await Task.Delay(HearingPause, time, cancellation);
            }
        }
    }

    private string Take()
    {
        Dictionary<(int Partition, Lane Lane), long> arrived;
        bool shares;
        lock (_lock)
        {
            _signal = NewSignal();
            (arrived, _arrived) = (_arrived, []);
            (shares, _sharesChanged) = (_sharesChanged, false);
        }

        var text = new StringBuilder();
        foreach (var ((partition, lane), due) in arrived)
        {
            text.Append(CultureInfo.InvariantCulture, $"m {partition} {due} {lane}\n");
        }

        return shares ? text.Append(Shares).Append('\n').ToString() : text.ToString();
    }

    private async Task PublishAsync(string message)
    {
        if (message.Length == 0)
        {
            return;
        }

        try
        {
            await store.Connections.Wakes.PublishAsync(StoreKeys.Wake, message).InTimeAsync();
        }
        catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
        {
            logger.WakeFailed(StoreFailure.Of(e).Reason);
        }
    }

    // Whatever it is, it only makes us look.
    private void Hear(string message)
    {
        foreach (var line in message.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line == Shares)
            {
                SharesChanged?.Invoke();
            }
            else if (store.IsOpen && line.Split(' ', 4) is ["m", var partition, var due, var name]
                && int.TryParse(partition, CultureInfo.InvariantCulture, out var number) && number >= 0 && number < store.Partitions.Count
                && long.TryParse(due, CultureInfo.InvariantCulture, out var time)
                && Lane.TryParse(name, out var lane))
            {
                window.Arrived(store.Partitions[number], lane, time);
            }
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
