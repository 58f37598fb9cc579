using BenchmarkDotNet.Attributes;
using Relay.Intake.Limits;
using Relay.Mail.Accounts;

namespace Relay.Benchmarks.Intake;

/// <summary>What a quota costs a message that fits into it. It must stay without allocation: every message of the account passes it.</summary>
[MemoryDiagnoser]
public class QuotaBenchmarks
{
    private readonly SendingLimits _limits = new() { PerDay = long.MaxValue / 2, PerMonth = long.MaxValue / 2 };
    private readonly QuotaMeter _meter = new(LimitOwner.Account, (_, _) => ValueTask.FromResult(default(UsedUp)), TimeProvider.System);

    [Benchmark]
    public bool TakeAndEnd()
    {
        var taken = _meter.TryTakeAsync(_limits, 1, CancellationToken.None);
        _meter.End(1, isWritten: true);
        return taken.Result is null;
    }
}
