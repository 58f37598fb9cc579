using System.CommandLine;
using System.Net;
using Relay.Load.Backlog;
using Relay.Load.Machine;
using Relay.Load.Rounds;
using Relay.Load.Sink;
using Relay.Load.Targets;
using Spectre.Console;

namespace Relay.Load.Commands;

/// <summary>
/// <c>backlog</c>: what a full queue costs. Warms the relay up, measures it with an empty queue, fills the queue with mail for
/// destinations that are down, lets it rest, measures again what it does for one that is up, and restarts it.
/// </summary>
internal sealed class BacklogCommand
{
    private readonly RelayOptions _options = new("redis-everysec");
    private readonly TrafficOptions _traffic = new();

    private readonly Option<int> _units = new("--units") { Description = "Messages to queue", DefaultValueFactory = _ => 100_000 };

    private readonly Option<int> _dead = new("--dead-domains")
    {
        Description = "Dead destinations they are for, each a host of its own",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<DeadBy> _by = new("--dead") { Description = "How they are dead" };

    private readonly Option<int> _warmup = new("--warmup") { Description = "Messages before the first measurement that are not counted", DefaultValueFactory = _ => 30_000 };

    private readonly Option<int> _rounds = new("--rounds") { Description = "Measurements with the queue empty, and as many with it full", DefaultValueFactory = _ => 3 };

    private readonly Option<TimeSpan> _rest = new("--rest")
    {
        Description = "How long it is left alone with the queue full before it is measured",
        DefaultValueFactory = _ => TimeSpan.FromSeconds(20),
    };

    public Command AddTo(Command command)
    {
        _traffic.AddTo(command);
        foreach (var option in (Option[])[_units, _dead, _by, _warmup, _rounds, _rest])
        {
            command.Add(option);
        }

        _options.AddTo(command, "redis-always", "redis-everysec", "embedded");
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var (units, domains) = (parsed.GetValue(_units), parsed.GetValue(_dead));
        using var workspace = _options.OpenWorkspace(parsed);
        using var sink = SmtpSink.Listen(new(IPAddress.Loopback, 0), new());
        using var dead = new DeadHosts(parsed.GetValue(_by));
        AnsiConsole.MarkupLineInterpolated($"{MachineFacts.Describe(workspace)}");

        var fsync = _options.Fsync(parsed);
        var setup = new RelaySetup(_options.Program(parsed), fsync, parsed.GetValue(_traffic.Http), parsed.GetValue(_traffic.Tls)) 
        {
            DeadPort = dead.Port,
            RedisSettings = _options.RedisSettings(parsed),
        };
        await using var relay = await RelayTarget.StartAsync(workspace, "relay", setup, sink.Address, cancellation);
        var round = new Round(_traffic.Plan(parsed), sink, TimeSpan.FromSeconds(60));
        // What is compiled in the course of tens of thousands of messages would else be the empty queue's cost.
        var empty = await MeasureAsync("queue empty", parsed.GetValue(_warmup));
        var emptyMemory = relay.Resident;
        var emptyRewriting = await LogRewriting.MeasureAsync(relay, cancellation);

        var filled = System.Diagnostics.Stopwatch.StartNew();
        var mail = new DeadMail(relay, workspace, _traffic.Plan(parsed) with { Domains = domains }, DeadHosts.Domain);
        await mail.QueueAsync(units, cancellation);
        AnsiConsole.MarkupLineInterpolated($"{mail.Queued} queued in {filled.Elapsed.TotalSeconds:0} s");
        await relay.RestAsync(parsed.GetValue(_rest), cancellation);
        var idle = await IdleAsync(relay, cancellation);

        var full = await MeasureAsync("queue full", 0);
        var fullMemory = relay.Resident;
        var fullRewriting = await LogRewriting.MeasureAsync(relay, cancellation);

        var ready = await relay.RestartAsync(cancellation);
        var first = await round.RunAsync(relay, 0, 1, _ => { }, cancellation);
        var figures = new BacklogFigures
        {
            Queued = mail.Queued,
            Domains = domains,
            Empty = empty,
            Full = full,
            Rewriting = (emptyRewriting, fullRewriting),
            Resident = (emptyMemory, mail.MostResident, fullMemory),
            IdleCpu = idle,
            Restart = (ready, ready + Round.ClearingUp + first.DeliveryLatency.P50),
        };
        figures.Write();
        return mail.Queued == units && empty.Concat(full).Sum(r => r.Lost) + first.Lost == 0 ? 0 : 1;

        async Task<IReadOnlyList<RoundResult>> MeasureAsync(string name, int warmup)
        {
            var results = new List<RoundResult>();
            for (var number = 1; number <= parsed.GetValue(_rounds); number++)
            {
                results.Add(await round.RunAsync(relay, number == 1 ? warmup : 0, parsed.GetValue(_traffic.Count), _ => { }, cancellation));
                RoundsReport.WriteRound(number, name, results[^1]);
            }

            return results;
        }
    }

    private static async Task<double> IdleAsync(RelayTarget relay, CancellationToken cancellation)
    {
        var span = TimeSpan.FromSeconds(10);
        var before = await relay.ReadUsageAsync(cancellation);
        await Task.Delay(span, cancellation);
        var after = await relay.ReadUsageAsync(cancellation);
        if (before.Store is { } store)
        {
            var busiest = (after.Store! - store).Commands.OrderByDescending(c => c.Value).Take(10).Select(c => $"{c.Key} {c.Value / span.TotalSeconds:0}");
            AnsiConsole.MarkupLineInterpolated($"idle, store commands a second: {string.Join(", ", busiest)}");
        }

        return (Seconds(after) - Seconds(before)) / span.TotalSeconds;

        static double Seconds(Usage usage) => usage.Parts.Values.Sum(part => part.Cpu.TotalSeconds);
    }
}
