using Relay.Mail.Queue;

namespace Relay.TestKit.InMemory;

/// <summary>Suspensions in memory; the queue beside them looks at them.</summary>
public sealed class InMemorySuspensions(TimeProvider time) : ISuspensions
{
    private readonly Lock _lock = new();
    private List<Suspension> _all = [];
    private SuspensionSnapshot _current = SuspensionSnapshot.None;

    public event Action? Changed;

    public SuspensionSnapshot Current
    {
        get
        {
            lock (_lock)
            {
                var now = time.GetUtcNow();
                if (_current.Items.Any(s => s.IsOver(now)))
                {
                    ApplyHoldingLock();
                }

                return _current;
            }
        }
    }

    public ValueTask<IReadOnlyList<Suspension>> ListAsync(CancellationToken cancellation) => ValueTask.FromResult(Current.Items);

    public ValueTask<bool> TryAddAsync(Suspension suspension, CancellationToken cancellation)
    {
        lock (_lock)
        {
            _all = [.. _all, suspension];
            ApplyHoldingLock();
        }

        Changed?.Invoke();
        return ValueTask.FromResult(true);
    }

    public ValueTask<bool> RemoveAsync(string id, CancellationToken cancellation)
    {
        bool removed;
        lock (_lock)
        {
            removed = _all.RemoveAll(s => s.Id == id) > 0;
            ApplyHoldingLock();
        }

        Changed?.Invoke();
        return ValueTask.FromResult(removed);
    }

    private void ApplyHoldingLock()
    {
        var now = time.GetUtcNow();
        _current = new SuspensionSnapshot([.. _all.Where(s => !s.IsOver(now))]);
    }
}
