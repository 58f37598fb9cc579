using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Microsoft.Extensions.Options;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Durability;

/// <summary>
/// Holds back the answer to accepts until replicas, or the server's disk, have them.
/// <code>
/// in the step            SET ack:NODE mark EX
/// when it was done       GETEX ack:NODE EX        the step is there, on the very server that is asked
///                        WAITAOF 1 0 ms, WAIT n ms
/// </code>
/// WAIT speaks of what its own connection wrote last, and holds that connection up until it is answered. So it has a
/// connection of its own, and the GETEX, a write, brings that connection's last write behind the step. All that come while
/// a server is being asked go with the next question to it.
/// Its own mark proves that a step is there. A later mark tells of an earlier one only where both are of the same server: one that
/// has taken over in between may have the later alone. So where any connection was lost meanwhile, a later mark tells nothing.
/// </summary>
internal sealed class Acknowledgement(Store store, IOptions<StoreOptions> options)
{
    private static readonly TimeSpan Kept = TimeSpan.FromDays(1);
    private static readonly TimeSpan KeptAlone = TimeSpan.FromMinutes(1);

    // A part of the time that the client gives an answer, which counts from the same moment.
    private readonly long _patience = (long)(options.Value.Queue.AnswerTimeout.TotalMilliseconds * 0.8);

    // Sooner than StoreAnswers would: whoever waits here keeps accepts from being taken back.
    private readonly TimeSpan _limit = options.Value.Queue.AnswerTimeout * 2;
    private readonly int _replicas = options.Value.Durability.Replicas;
    private readonly ConcurrentDictionary<EndPoint, Asked> _servers = new();
    private long _lastMark;

    /// <summary>The servers' files are to be waited for too; as their settings say.</summary>
    public bool WaitsForDisk { get; set; }

    public bool IsAsked => _replicas > 0 || WaitsForDisk;

    /// <summary>Marks a step that comes behind all others marked so, so that it can be told whether a server has done it.</summary>
    public AcceptMark Mark(IDatabaseAsync step, Partition partition) => Mark(step, KeyOf(partition), Kept);

    /// <summary>The same for a step that others may overtake: its mark stands alone, or a later one would be taken back by it.</summary>
    public AcceptMark MarkAlone(IDatabaseAsync step, Partition partition) =>
        Mark(step, KeyOf(partition).Append(string.Create(CultureInfo.InvariantCulture, $"/{Guid.NewGuid():n}")), KeptAlone);

    private AcceptMark Mark(IDatabaseAsync step, RedisKey key, TimeSpan kept)
    {
        var mark = new AcceptMark(key, Interlocked.Increment(ref _lastMark), kept, store.Doubts);
        _ = step.StringSetAsync(key, Text(mark.Number), kept, When.Always, CommandFlags.FireAndForget);
        return mark;
    }

    /// <summary>Null once what the step wrote is where it must be; else whether it was is not known.</summary>
    public Task<StoreFailure?> WaitAsync(AcceptMark mark)
    {
        var step = new MarkedStep(mark);
        IServer server;
        try
        {
            server = store.Connections.Acknowledging.Multiplexer.GetServer(mark.Key, flags: StoreConnections.FromPrimary);
        }
        catch (Exception e) when (e is RedisException or InvalidOperationException)
        {
            // The latter where no server is connected now that has the key: this connection may come back later than the others.
            return Task.FromResult<StoreFailure?>(StoreFailure.Of(e) with { IsCertain = false });
        }

        var asked = _servers.GetOrAdd(server.EndPoint, _ => new Asked());
        lock (asked)
        {
            asked.Waiting.Add(step);
            if (asked.IsRunning)
            {
                return step.Answer;
            }

            asked.IsRunning = true;
        }

        _ = RunAsync(server, asked);
        return step.Answer;
    }

    private async Task RunAsync(IServer server, Asked asked)
    {
        while (true)
        {
            List<MarkedStep> steps;
            lock (asked)
            {
                if (asked.Waiting.Count == 0)
                {
                    asked.IsRunning = false;
                    return;
                }

                steps = asked.Waiting;
                asked.Waiting = [];
            }

            await AskAsync(server, steps);
        }
    }

    private async Task AskAsync(IServer server, List<MarkedStep> steps)
    {
        StoreFailure? failure;
        try
        {
            // Another socket in between would have written nothing, and everything it wrote is soon acknowledged.
            var socket = server.GetCounters().Interactive.SocketCount;
            foreach (var marked in steps.GroupBy(s => (s.Mark.Key, s.Mark.Kept)))
            {
                var there = await MarkThereAsync(marked.Key.Key, marked.Key.Kept).WaitAsync(_limit);
                foreach (var step in marked)
                {
                    step.There = there;
                }
            }

            failure = await WaitAsync(server).WaitAsync(_limit);
            if (failure is null && server.GetCounters().Interactive.SocketCount != socket)
            {
                failure = Unknown("the connection to the store broke while it was asked");
            }
        }
        catch (Exception e) when (StoreFailure.Covers(e) || e is Mail.Queue.StoreUnavailableException)
        {
            failure = StoreFailure.Of(e) with { IsCertain = false };
        }

        foreach (var step in steps)
        {
            step.SetAnswer(
                step.There < step.Mark.Number ? Unknown("the store went back behind the accept, as in a failover")
                : failure is null && step.There > step.Mark.Number && step.Mark.Doubts != store.Doubts
                    ? Unknown("a connection to the store was lost before the accept was acknowledged")
                : failure);
        }
    }

    private async Task<long> MarkThereAsync(RedisKey key, TimeSpan kept)
    {
        // Not redirected: the server that answers must be the one that is asked for its replicas.
        var mark = await store.Connections.Acknowledging.StringGetSetExpiryAsync(
            key, kept, StoreConnections.FromPrimary | CommandFlags.NoRedirect);
        return mark.TryParse(out long there) ? there : 0;
    }

    private async Task<StoreFailure?> WaitAsync(IServer server)
    {
        if (WaitsForDisk && (long[]?)await server.ExecuteAsync("WAITAOF", 1, 0, _patience) is not [> 0, ..])
        {
            return Unknown("the store's disk did not take the accept in time");
        }

        var acknowledged = _replicas > 0 ? (long)await server.ExecuteAsync("WAIT", _replicas, _patience) : 0;
        return acknowledged >= _replicas
            ? null
            : Unknown(string.Create(CultureInfo.InvariantCulture, $"{acknowledged} replicas acknowledged in time, {_replicas} are asked for"));
    }

    // A mark counts from the start of the process.
    private RedisKey KeyOf(Partition partition) =>
        partition.Keys.Acknowledged(string.Create(CultureInfo.InvariantCulture, $"{store.NodeId}/{store.Mark}"));

    private static StoreFailure Unknown(string reason) => new(IsFull: false, IsCertain: false, reason);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private sealed class Asked
    {
        public List<MarkedStep> Waiting { get; set; } = [];
        public bool IsRunning { get; set; }
    }

    private sealed class MarkedStep(AcceptMark mark)
    {
        private readonly TaskCompletionSource<StoreFailure?> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public AcceptMark Mark { get; } = mark;

        /// <summary>The mark that stands under the step's key; null while that is not known.</summary>
        public long? There { get; set; }

        public Task<StoreFailure?> Answer => _answer.Task;

        public void SetAnswer(StoreFailure? failure) => _answer.TrySetResult(failure);
    }
}

/// <summary>What a step leaves behind, to be found by whoever asks whether it was done.</summary>
/// <param name="Doubts">How often the store had been doubted when the step was made.</param>
internal readonly record struct AcceptMark(RedisKey Key, long Number, TimeSpan Kept, int Doubts);
