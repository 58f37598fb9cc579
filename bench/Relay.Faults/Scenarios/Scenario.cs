using Relay.Faults.Checking;
using Relay.Faults.Stages;
using Relay.Faults.Stores;

namespace Relay.Faults.Scenarios;

/// <summary>One fault, under load, and what must hold of it.</summary>
internal abstract class Scenario
{
    /// <summary>F1 to F20.</summary>
    public abstract string Id { get; }

    public abstract string Fault { get; }

    public abstract string Expectation { get; }

    /// <summary>The stores that it makes sense on, the usual one first.</summary>
    public virtual IReadOnlyList<StoreKind> Stores => [StoreKind.Redis, StoreKind.Embedded];

    /// <summary>It mounts disks.</summary>
    public virtual bool NeedsRoot => false;

    /// <summary>Rounds of the form that runs with every build, and of the long one.</summary>
    public virtual (int Short, int Long) Rounds => (2, 100);

    public abstract Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation);
}
