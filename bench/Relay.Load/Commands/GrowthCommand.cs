using System.CommandLine;
using System.Net;
using Relay.Load.Backlog;
using Relay.Load.Growth;
using Relay.Load.Machine;
using Relay.Load.Rounds;
using Relay.Load.Sink;
using Relay.Load.Targets;
using Relay.Load.Traffic;
using Spectre.Console;

namespace Relay.Load.Commands;

/// <summary>
/// <c>growth</c>: how the cost of a message grows with the number of destinations, and with the mail that waits for a dead one
/// meanwhile. One relay, warmed up, the same traffic again and again, a row of one table for each.
/// </summary>
internal sealed class GrowthCommand
{
    // A connection that nobody uses is kept for half a minute; thousands of them are no part of what a full queue costs.
    private static readonly TimeSpan ConnectionsClose = TimeSpan.FromSeconds(40);

    private readonly RelayOptions _options = new();
    private readonly TrafficOptions _traffic = new(withDomains: false);

    private readonly Option<int[]> _destinations = new("--destinations")
    {
        Description = "Numbers of destination domains: at one host, and each with a host of its own, for which relay and sink need as many open files",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [1, 10, 100, 1_000, 10_000],
    };

    private readonly Option<int[]> _queued = new("--queued")
    {
        Description = "Numbers of units that wait for a dead host meanwhile, from few to many; 1000000 takes some minutes more, and 3 GB of Redis",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [0, 1_000, 10_000, 100_000],
    };

    // The queue's cost is one of numbers: small ones fill it in minutes.
    private readonly Option<int> _queuedSize = new("--queued-size") { Description = "Octets of a message that waits", DefaultValueFactory = _ => 1_024 };

    private readonly Option<int> _warmup = new("--warmup") { Description = "Messages before the first row that are not counted", DefaultValueFactory = _ => 30_000 };

    private readonly Option<int> _rounds = new("--rounds")
    {
        Description = "Measurements of each row, of which the median is told; from the second on hosts have been looked up and connected to",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<TimeSpan> _rest = new("--rest")
    {
        Description = "How long it is left alone when more was queued",
        DefaultValueFactory = _ => TimeSpan.FromSeconds(10),
    };

    private readonly Option<TimeSpan> _longest = new("--longest")
    {
        Description = "After this no further row is begun, and the table is what there is",
        DefaultValueFactory = _ => TimeSpan.FromMinutes(20),
    };

    public Command AddTo(Command command)
    {
        _traffic.AddTo(command);
        foreach (var option in (Option[])[_destinations, _queued, _queuedSize, _warmup, _rounds, _rest, _longest])
        {
            command.Add(option);
        }

        _options.AddTo(command, "redis-always", "redis-everysec", "embedded");
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var destinations = parsed.GetRequiredValue(_destinations);
        using var workspace = _options.OpenWorkspace(parsed);
        using var sink = SmtpSink.Listen(new(IPAddress.Any, 0), new());
        using var dead = new DeadHosts(DeadBy.Refused);
        await using var zone = new DestinationZone(sink.Address.Port);
        zone.Publish(destinations.DefaultIfEmpty().Max());
        AnsiConsole.MarkupLineInterpolated($"{MachineFacts.Describe(workspace)}");

        var setup = new RelaySetup(_options.Program(parsed), _options.Fsync(parsed), parsed.GetValue(_traffic.Http), parsed.GetValue(_traffic.Tls))
        {
            DeadPort = dead.Port,
            Destinations = zone,
            RedisSettings = _options.RedisSettings(parsed),
        };
        await using var relay = await RelayTarget.StartAsync(workspace, "relay", setup, new(IPAddress.Loopback, sink.Address.Port), cancellation);
        var plan = _traffic.Plan(parsed);
        await new Round(plan, sink, TimeSpan.FromSeconds(60)).RunAsync(relay, parsed.GetValue(_warmup), 1, _ => { }, cancellation);

        var table = new GrowthTable();
        using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        time.CancelAfter(parsed.GetValue(_longest));
        foreach (var count in destinations)
        {
            await MeasureAsync("domains at one host", count, plan with { Domains = count });
        }

        foreach (var count in destinations)
        {
            await MeasureAsync("domains with a host each", count, plan with { Domains = count, Zone = DestinationZone.Name });
        }

        var mail = new DeadMail(
            relay, workspace, plan with { Domains = 1, Size = parsed.GetValue(_queuedSize) }, _ => $"d000000.{RelaySetup.DeadZone}");
        try
        {
            await Task.Delay(ConnectionsClose, time.Token);
            foreach (var count in parsed.GetRequiredValue(_queued).Order())
            {
                if (count > mail.Queued)
                {
                    await mail.QueueAsync(count - mail.Queued, time.Token);
                    await relay.RestAsync(parsed.GetValue(_rest), time.Token);
                }

                await MeasureAsync("queued for a dead host", mail.Queued, plan with { Domains = 1 });
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            AnsiConsole.MarkupLineInterpolated($"[yellow]the time was over with {mail.Queued} queued[/]");
        }

        table.Write();
        return table.IsWithoutLoss ? 0 : 1;

        async Task MeasureAsync(string what, int count, TrafficPlan each)
        {
            if (time.IsCancellationRequested)
            {
                AnsiConsole.MarkupLineInterpolated($"[yellow]not measured, the time is over:[/] {count} {what}");
                return;
            }

            var round = new Round(each, sink, TimeSpan.FromSeconds(60));
            var results = new List<RoundResult>();
            for (var number = 1; number <= parsed.GetValue(_rounds); number++)
            {
                results.Add(await round.RunAsync(relay, 0, parsed.GetValue(_traffic.Count), _ => { }, cancellation));
                RoundsReport.WriteRound(number, $"{count} {what}", results[^1]);
            }

            table.Add(new GrowthRow(what, count, results, relay.Resident));
        }
    }
}
