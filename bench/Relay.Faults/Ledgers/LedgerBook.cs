using System.Collections.Concurrent;

namespace Relay.Faults.Ledgers;

/// <summary>All ledgers of a run while it is written. Whoever reads them takes a <see cref="ClosedBook"/> of one moment.</summary>
internal sealed class LedgerBook(History history)
{
    private readonly ConcurrentQueue<Submission> _submissions = new();
    private readonly ConcurrentQueue<Arrival> _arrivals = new();
    private readonly ConcurrentQueue<Strike> _strikes = new();
    private readonly ConcurrentQueue<Told> _told = new();
    private readonly ConcurrentQueue<Listed> _listed = new();
    private int _accepted;
    private int _refused;
    private long _lastArrival;

    /// <summary>Submissions with a 250 or 202 so far.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>Submissions so far that were not accepted, for certain or as far as their clients know.</summary>
    public int Refused => Volatile.Read(ref _refused);

    public int Arrivals => _arrivals.Count;

    public DateTimeOffset LastArrival => new(Interlocked.Read(ref _lastArrival), TimeSpan.Zero);

    public void Add(Submission submission)
    {
        _submissions.Enqueue(submission);
        history.Write(submission);
        if (submission.Outcome == SubmissionOutcome.Ok)
        {
            Interlocked.Increment(ref _accepted);
        }
        else
        {
            Interlocked.Increment(ref _refused);
        }
    }

    public void Add(Arrival arrival)
    {
        _arrivals.Enqueue(arrival);
        history.Write(arrival);
        Interlocked.Exchange(ref _lastArrival, arrival.At.UtcTicks);
    }

    public void Add(Strike strike)
    {
        _strikes.Enqueue(strike);
        history.Write(strike);
    }

    public void Add(Told told)
    {
        _told.Enqueue(told);
        history.Write(told);
    }

    public void Add(Listed listed) => _listed.Enqueue(listed);

    public ClosedBook Close() => new()
    {
        Submissions = [.. _submissions],
        Arrivals = [.. _arrivals],
        Strikes = [.. _strikes],
        Told = [.. _told],
        Listed = [.. _listed],
    };
}
