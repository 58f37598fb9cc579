using System.Diagnostics;

namespace Relay.Load.Traffic;

/// <summary>
/// What became of every message of one phase: when it was begun, accepted and seen in the sink.
/// Plain arrays by number, because both ends write here for each message.
/// </summary>
internal sealed class Ledger(uint phase, int count)
{
    private readonly long[] _begun = new long[count];
    private readonly long[] _accepted = new long[count];
    private readonly long[] _arrived = new long[count];
    private readonly ManualResetEventSlim _allArrived = new();
    private int _next;
    private int _acceptedCount;
    private int _refusedCount;
    private int _arrivedCount;
    private int _duplicates;
    private string? _firstRefusal;

    public uint Phase => phase;

    public int Count => count;

    public int Accepted => Volatile.Read(ref _acceptedCount);

    public int Refused => Volatile.Read(ref _refusedCount);

    /// <summary>Messages seen in the sink, each counted once.</summary>
    public int Arrived => Volatile.Read(ref _arrivedCount);

    public int Duplicates => Volatile.Read(ref _duplicates);

    public string? FirstRefusal => Volatile.Read(ref _firstRefusal);

    public bool TryTake(out LoadToken token)
    {
        var number = Interlocked.Increment(ref _next) - 1;
        token = new(phase, (uint)number);
        return number < count;
    }

    public void Begin(LoadToken token) => _begun[token.Number] = Stopwatch.GetTimestamp();

    public void Accept(LoadToken token)
    {
        _accepted[token.Number] = Stopwatch.GetTimestamp();
        Interlocked.Increment(ref _acceptedCount);
    }

    public void Refuse(string why)
    {
        Interlocked.CompareExchange(ref _firstRefusal, why, null);
        Interlocked.Increment(ref _refusedCount);
    }

    /// <summary>Notes an arrival; false when the message is not one of this phase.</summary>
    public bool Arrive(LoadToken token)
    {
        if (token.Phase != phase || token.Number >= count)
        {
            return false;
        }

        if (Interlocked.CompareExchange(ref _arrived[token.Number], Stopwatch.GetTimestamp(), 0) != 0)
        {
            Interlocked.Increment(ref _duplicates);
        }
        else if (Interlocked.Increment(ref _arrivedCount) == count)
        {
            _allArrived.Set();
        }

        return true;
    }

    /// <summary>Waits for one message; returns after <paramref name="patience"/> without it.</summary>
    public void AwaitArrival(LoadToken token, TimeSpan patience) =>
        SpinWait.SpinUntil(() => Volatile.Read(ref _arrived[token.Number]) != 0, patience);

    /// <summary>Waits until every accepted message has arrived, or none has for <paramref name="patience"/>.</summary>
    public void AwaitArrivals(TimeSpan patience, CancellationToken cancellation)
    {
        var seen = -1;
        var since = Stopwatch.StartNew();
        while (Arrived < Accepted && since.Elapsed < patience)
        {
            if (Arrived != seen)
            {
                seen = Arrived;
                since.Restart();
            }

            _allArrived.Wait(TimeSpan.FromMilliseconds(20), cancellation);
        }
    }

    /// <summary>Accepted messages that never arrived. A refused one that came all the same is not set against them.</summary>
    public int Lost() => Enumerable.Range(0, count).Count(n => _accepted[n] != 0 && _arrived[n] == 0);

    /// <summary>From the first submission to the last 250.</summary>
    public TimeSpan AcceptTime() => Span(_accepted);

    /// <summary>From the first submission to the last arrival.</summary>
    public TimeSpan DeliveryTime() => Span(_arrived);

    public Latency AcceptLatency() => Latency.Of(_begun, _accepted);

    public Latency DeliveryLatency() => Latency.Of(_begun, _arrived);

    /// <summary>From the 250 to the arrival.</summary>
    public Latency HandlingLatency() => Latency.Of(_accepted, _arrived);

    private TimeSpan Span(long[] ends)
    {
        var first = _begun.Where(at => at != 0).DefaultIfEmpty().Min();
        return Stopwatch.GetElapsedTime(first, Math.Max(first, ends.Max()));
    }
}
