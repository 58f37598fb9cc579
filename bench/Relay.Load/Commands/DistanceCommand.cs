using System.CommandLine;
using System.Globalization;
using System.Net;
using Relay.Load.Distance;
using Relay.Load.Machine;
using Relay.Load.Rounds;
using Relay.Load.Sink;
using Relay.Load.Targets;
using Relay.Load.Targets.Rivals;
using Relay.Load.Traffic;
using Spectre.Console;

namespace Relay.Load.Commands;

/// <summary>
/// <c>distance</c>: how many messages few connections move over a long line, where not the machine but the round trips decide.
/// The relay against a remote that offers PIPELINING, and one that offers CHUNKING too; Postfix as it comes, with its
/// connection cache, and with a new connection for each message.
/// </summary>
internal sealed class DistanceCommand
{
    private readonly RelayOptions _options = new();
    private readonly TrafficOptions _traffic = new();

    private readonly Option<TimeSpan> _roundTrip = new("--round-trip")
    {
        Description = "From here to the sink and back",
        DefaultValueFactory = _ => TimeSpan.FromMilliseconds(50),
    };

    private readonly Option<int> _connections = new("--connections")
    {
        Description = "Connections to the sink at the same time, for each server",
        DefaultValueFactory = _ => 10,
    };

    private readonly Option<int> _rounds = new("--rounds") { Description = "Turns each one gets", DefaultValueFactory = _ => 1 };
    private readonly Option<int> _warmup = new("--warmup") { Description = "Messages before each round that are not counted", DefaultValueFactory = _ => 500 };
    private readonly Option<bool> _withoutPostfix = new("--without-postfix") { Description = "Only the relay; Postfix asks for root" };

    public Command AddTo(Command command)
    {
        _traffic.AddTo(command);
        foreach (var option in (Option[])[_roundTrip, _connections, _rounds, _warmup, _withoutPostfix])
        {
            command.Add(option);
        }

        _options.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var (roundTrip, connections) = (parsed.GetValue(_roundTrip), parsed.GetValue(_connections));
        using var workspace = _options.OpenWorkspace(parsed);
        using var pipelining = SmtpSink.Listen(new(IPAddress.Loopback, 0), new(Chunking: false));
        using var chunking = SmtpSink.Listen(new(IPAddress.Loopback, 0), new(Chunking: true));
        using var plain = DelayLine.To(pipelining.Address, roundTrip);
        using var chunked = DelayLine.To(chunking.Address, roundTrip);
        var (warmup, count) = (parsed.GetValue(_warmup), parsed.GetValue(_traffic.Count));
        AnsiConsole.MarkupLineInterpolated($"{MachineFacts.Describe(workspace)}");

        var setup = new RelaySetup(_options.Program(parsed), "always", Http: false, LoadTls.None) { Connections = connections, RedisSettings = _options.RedisSettings(parsed) };
        string[] many = [$"smtp_destination_concurrency_limit={connections}", $"initial_destination_concurrency={connections}"];
        List<(string Name, SmtpSink Sink, Func<string, Task<ITarget>> Start)> targets =
        [
            ("relay", pipelining, async name => await RelayTarget.StartAsync(workspace, name, setup, plain.Address, cancellation)),
            ("relay, CHUNKING", chunking, async name => await RelayTarget.StartAsync(workspace, name, setup, chunked.Address, cancellation)),
        ];
        if (!parsed.GetValue(_withoutPostfix))
        {
            targets.Add(("postfix", pipelining, async name => await PostfixTarget.StartAsync(
                workspace, name, [.. many, "smtp_connection_cache_on_demand=yes"], LoadTls.None, plain.Address, cancellation)));
            targets.Add(("postfix, new connections", pipelining, async name => await PostfixTarget.StartAsync(
                workspace, name, many, LoadTls.None, plain.Address, cancellation)));
        }

        var results = targets.ToDictionary(target => target.Name, _ => new List<RoundResult>());
        for (var number = 1; number <= parsed.GetValue(_rounds); number++)
        {
            foreach (var (name, sink, start) in targets)
            {
                await using var target = await start($"target-{results[name].Count}-{targets.FindIndex(t => t.Name == name)}");
                var round = new Round(_traffic.Plan(parsed), sink, TimeSpan.FromSeconds(60));
                var result = await LedgerProgress.ShowAsync(name, watch => round.RunAsync(target, warmup, count, watch, cancellation));
                results[name].Add(result);
                RoundsReport.WriteRound(number, name, result);
                var each = result.DeliveredPerSecond * roundTrip.TotalSeconds / connections;
                AnsiConsole.MarkupLineInterpolated($"  messages per round trip and connection: {each.ToString("0.00", CultureInfo.InvariantCulture)}");
            }
        }

        RoundsReport.WriteMedians([.. targets.Select(target => (target.Name, (IReadOnlyList<RoundResult>)results[target.Name]))]);
        return results.Values.SelectMany(rounds => rounds).All(result => result is { Lost: 0, Refused: 0 }) ? 0 : 1;
    }
}
