using System.CommandLine;
using System.Net;
using Relay.Load.Budget;
using Relay.Load.Machine;
using Relay.Load.Rounds;
using Relay.Load.Sink;
using Relay.Load.Targets;
using Spectre.Console;

namespace Relay.Load.Commands;

/// <summary>
/// <c>budget</c>: where the CPU of a message goes, stop by stop, and how often it calls the kernel and what it allocates. One
/// relay, warmed up; then one round whose calls are counted and one that is sampled, since each disturbs the other.
/// </summary>
internal sealed class BudgetCommand
{
    private readonly RelayOptions _options = new();
    private readonly TrafficOptions _traffic = new();

    // Longer than elsewhere: what is still being compiled would stand in the budget of every message.
    private readonly Option<int> _warmup = new("--warmup") { Description = "Messages that are not counted", DefaultValueFactory = _ => 30_000 };

    private readonly Option<int> _frequency = new("--frequency") { Description = "Samples a second and core", DefaultValueFactory = _ => 997 };

    public Command AddTo(Command command)
    {
        _traffic.AddTo(command);
        command.Add(_warmup);
        command.Add(_frequency);
        _options.AddTo(command, "redis-always", "redis-everysec", "embedded");
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        Perf.Require();
        using var workspace = _options.OpenWorkspace(parsed);
        using var sink = SmtpSink.Listen(new(IPAddress.Loopback, 0), new());
        AnsiConsole.MarkupLineInterpolated($"{MachineFacts.Describe(workspace)}");

        var setup = new RelaySetup(_options.Program(parsed), _options.Fsync(parsed), parsed.GetValue(_traffic.Http), parsed.GetValue(_traffic.Tls)) { NamesItsCode = true, RedisSettings = _options.RedisSettings(parsed) };
        await using var relay = await RelayTarget.StartAsync(workspace, "relay", setup, sink.Address, cancellation);
        var round = new Round(_traffic.Plan(parsed), sink, TimeSpan.FromSeconds(60));
        var counted = await CountAsync(workspace, relay, round, parsed.GetValue(_warmup), parsed.GetValue(_traffic.Count), cancellation);
        var sampled = await SampleAsync(workspace, relay, round, parsed.GetValue(_frequency), parsed.GetValue(_traffic.Count), cancellation);
        return new[] { counted, sampled }.All(result => result is { Lost: 0, Refused: 0 }) ? 0 : 1;
    }

    private static async Task<RoundResult> CountAsync(Workspace workspace, RelayTarget relay, Round round, int warmup, int count, CancellationToken cancellation)
    {
        Perf? calls = null;
        Perf? store = null;
        try
        {
            var result = await LedgerProgress.ShowAsync("counting", watch => round.RunAsync(
                relay,
                warmup,
                count,
                ledger =>
                {
                    calls = Perf.Count(workspace, "calls", relay.Process);
                    store = relay.StoreProcess is { } redis ? Perf.Count(workspace, "store-calls", redis) : null;
                    watch(ledger);
                },
                cancellation));
            RoundsReport.WriteRound(1, "counted", result);
            BudgetReport.WriteWork(result, await calls!.CountedAsync(cancellation), store is null ? null : await store.CountedAsync(cancellation));
            return result;
        }
        finally
        {
            await (calls?.DisposeAsync() ?? ValueTask.CompletedTask);
            await (store?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }

    private static async Task<RoundResult> SampleAsync(Workspace workspace, RelayTarget relay, Round round, int frequency, int count, CancellationToken cancellation)
    {
        Perf? samples = null;
        try
        {
            var result = await LedgerProgress.ShowAsync("sampling", watch => round.RunAsync(
                relay,
                1,
                count,
                ledger =>
                {
                    samples = Perf.Sample(workspace, "samples", frequency, relay.StoreProcess is { } redis ? [relay.Process, redis] : [relay.Process]);
                    watch(ledger);
                },
                cancellation));
            RoundsReport.WriteRound(2, "sampled", result);
            BudgetReport.WriteStages(result, await samples!.SampledAsync(relay.StoreProcess ?? 0, cancellation));
            return result;
        }
        finally
        {
            await (samples?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }
}
