using Relay.Load.Machine;
using Relay.Load.Sink;
using Relay.Load.Targets;
using Relay.Load.Traffic;

namespace Relay.Load.Rounds;

/// <summary>One measurement of one running server: a warm-up that is not counted, then the messages that are.</summary>
internal sealed class Round(TrafficPlan plan, SmtpSink sink, TimeSpan patience)
{
    // After the last arrival a server still has its queue to clear up; that is part of what the mail costs.
    public static readonly TimeSpan ClearingUp = TimeSpan.FromSeconds(1);

    private static uint s_phase;

    public async Task<RoundResult> RunAsync(
        ITarget target, int warmup, int count, Action<Ledger> watch, CancellationToken cancellation)
    {
        await SendAsync(target.Door, NewLedger(warmup), cancellation);
        await Task.Delay(ClearingUp, cancellation);

        var before = await target.ReadUsageAsync(cancellation);
        var generatorBefore = Environment.CpuUsage.TotalTime;
        var machineBefore = MachineCpu.Read();
        var connectionsBefore = sink.Connections;

        var ledger = NewLedger(count);
        watch(ledger);
        await SendAsync(target.Door, ledger, cancellation);

        var machine = MachineCpu.Read() - machineBefore;
        var generatorCpu = Environment.CpuUsage.TotalTime - generatorBefore;
        var connections = sink.Connections - connectionsBefore;
        await Task.Delay(ClearingUp, cancellation);
        var after = await target.ReadUsageAsync(cancellation);
        var costs = after.Parts.ToDictionary(
            part => part.Key, part => part.Value with { Cpu = part.Value.Cpu - before.Parts[part.Key].Cpu });
        var ours = generatorCpu + TimeSpan.FromTicks(costs.Values.Sum(cost => cost.Cpu.Ticks));

        return new()
        {
            Accepted = ledger.Accepted,
            Refused = ledger.Refused,
            FirstRefusal = ledger.FirstRefusal,
            Lost = ledger.Lost(),
            Duplicates = ledger.Duplicates,
            AcceptTime = ledger.AcceptTime(),
            DeliveryTime = ledger.DeliveryTime(),
            AcceptLatency = ledger.AcceptLatency(),
            DeliveryLatency = ledger.DeliveryLatency(),
            HandlingLatency = ledger.HandlingLatency(),
            Costs = costs,
            GeneratorCpu = generatorCpu,
            AllocatedBytes = after.AllocatedBytes - before.AllocatedBytes,
            Store = before.Store is { } store ? after.Store! - store : null,
            Connections = connections,
            TakenByOthers = Math.Max(0, (machine.Busy - ours) / machine.Total),
        };
    }

    private static Ledger NewLedger(int count) => new(Interlocked.Increment(ref s_phase), count);

    private async Task SendAsync(Door door, Ledger ledger, CancellationToken cancellation)
    {
        sink.Note(ledger);
        var generator = new Generator(plan, door);
        await Task.Factory.StartNew(
            () =>
            {
                generator.Run(ledger, cancellation);
                ledger.AwaitArrivals(patience, cancellation);
            },
            TaskCreationOptions.LongRunning);
    }
}
