using Relay.Mail.Queue;

namespace Relay.Redis.Queue;

/// <summary>The units of a partition whose attempt has begun and is neither settled nor given back: a hand-over waits for them.</summary>
internal sealed class AttemptsUnderWay
{
    private readonly Lock _lock = new();
    private readonly HashSet<UnitId> _units = [];
    private TaskCompletionSource? _over;

    public void Begin(UnitId unit)
    {
        lock (_lock)
        {
            _units.Add(unit);
        }
    }

    public void End(UnitId unit)
    {
        TaskCompletionSource? over = null;
        lock (_lock)
        {
            if (_units.Remove(unit) && _units.Count == 0)
            {
                (over, _over) = (_over, null);
            }
        }

        over?.SetResult();
    }

    /// <summary>Ends when none is under way.</summary>
    public Task WaitUntilOverAsync()
    {
        lock (_lock)
        {
            return _units.Count == 0
                ? Task.CompletedTask
                : (_over ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }
}
