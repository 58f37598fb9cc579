using System.Collections.Concurrent;

namespace Relay.Intake.Smtp;

/// <summary>Looks at every session once a second and ends those that have waited long enough.</summary>
internal sealed class PatienceWatch : IDisposable
{
    // Every limit is minutes or more; a second of delay is nothing to them.
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<Patience, bool> _watched = new();
    private readonly ITimer _timer;

    public PatienceWatch(TimeProvider time) => _timer = time.CreateTimer(_ => JudgeAll(), null, Round, Round);

    public void Add(Patience patience) => _watched.TryAdd(patience, true);

    public void Remove(Patience patience) => _watched.TryRemove(patience, out _);

    public void Dispose() => _timer.Dispose();

    private void JudgeAll()
    {
        foreach (var (patience, _) in _watched)
        {
            patience.Judge();
        }
    }
}
