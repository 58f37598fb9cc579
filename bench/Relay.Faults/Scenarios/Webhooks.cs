using Relay.Faults.Checking;
using Relay.Faults.Stages;

namespace Relay.Faults.Scenarios;

/// <summary>F16. The endpoint of a webhook is dead, slow or failing for an hour, and comes back.</summary>
internal sealed class Webhooks : Scenario
{
    public override string Id => "F16";

    public override string Fault => "webhook endpoint dead, slow, 500, then back";

    public override string Expectation => "mail unaffected; events at least once, in order per message, bounded storage";

    public override string? NotBuilt => "the relay has no webhooks yet";

    public override Task<Verdict> PlayAsync(RunRequest request, CancellationToken cancellation) => throw new NotSupportedException(NotBuilt);
}
