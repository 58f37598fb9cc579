using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Relay.Load.Backlog;
using Relay.Load.Machine;
using Relay.Load.Rounds;
using Relay.Load.Sink;
using Relay.Load.Targets;
using Relay.Load.Traffic;
using Relay.Mail.Messages;
using Spectre.Console;

namespace Relay.Load.Commands;

/// <summary>
/// <c>bulk</c>: what a bulk run does to transactional mail for the same site. Sends some mail a second with nothing else going
/// on, queues the bulk while that is suspended, and while it goes out sends the same again: a password reset must not wait behind a newsletter.
/// </summary>
internal sealed class BulkCommand
{
    private readonly RelayOptions _options = new();
    private readonly Option<int> _units = new("--units") { Description = "Bulk messages to queue, one recipient each; a million take about 3 GB of Redis", DefaultValueFactory = _ => 1_000_000 };
    private readonly Option<int> _bulkSize = new("--bulk-size") { Description = "Octets of a bulk message", DefaultValueFactory = _ => 512 };
    private readonly Option<int> _size = new("--size") { Description = "Octets of a transactional message", DefaultValueFactory = _ => 10 * 1024 };
    private readonly Option<int> _count = new("--count") { Description = "Transactional messages of each measurement", DefaultValueFactory = _ => 1_000 };

    private readonly Option<TimeSpan> _rest = new("--rest")
    {
        Description = "How long it is left alone when the bulk is queued",
        DefaultValueFactory = _ => TimeSpan.FromSeconds(5),
    };

    private readonly Option<TimeSpan> _pause = new("--pause")
    {
        Description = "Between two transactional messages",
        DefaultValueFactory = _ => TimeSpan.FromMilliseconds(25),
    };

    public Command AddTo(Command command)
    {
        foreach (var option in (Option[])[_units, _bulkSize, _size, _count, _pause, _rest])
        {
            command.Add(option);
        }

        _options.AddTo(command, "redis-always", "redis-everysec");
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var (units, count) = (parsed.GetValue(_units), parsed.GetValue(_count));
        using var workspace = _options.OpenWorkspace(parsed);
        using var sink = SmtpSink.Listen(new(IPAddress.Loopback, 0), new());
        AnsiConsole.MarkupLineInterpolated($"{MachineFacts.Describe(workspace)}");

        var fsync = _options.Fsync(parsed);
        var setup = new RelaySetup(_options.Program(parsed), fsync, Http: false, LoadTls.None) { RedisSettings = _options.RedisSettings(parsed) };
        await using var relay = await RelayTarget.StartAsync(workspace, "relay", setup, sink.Address, cancellation);
        var plan = new TrafficPlan
        {
            Sessions = 1, Size = parsed.GetValue(_size), Domains = 1, NewConnection = false, Pause = parsed.GetValue(_pause), Timeout = TimeSpan.FromSeconds(30),
        };
        var round = new Round(plan, sink, TimeSpan.FromSeconds(60));
        await new Round(plan with { Sessions = 50, Pause = TimeSpan.Zero }, sink, TimeSpan.FromSeconds(60)).RunAsync(relay, 1, 10_000, _ => { }, cancellation);

        var alone = await round.RunAsync(relay, 1, count, _ => { }, cancellation);

        // All of it waits before any of it goes.
        var suspension = await relay.SuspendBulkAsync(cancellation);
        var accepted = await FillAsync(relay, workspace, parsed, cancellation);
        await relay.RestAsync(parsed.GetValue(_rest), cancellation);
        await relay.ResumeAsync(suspension, cancellation);

        var (before, began) = (sink.Messages, Stopwatch.StartNew());
        var beside = await round.RunAsync(relay, 1, count, _ => { }, cancellation);
        var rate = (sink.Messages - before - beside.Accepted) / began.Elapsed.TotalSeconds;
        Write(accepted, rate, alone, beside);
        return accepted == units && alone.Lost + beside.Lost + alone.Refused + beside.Refused == 0 ? 0 : 1;
    }

    private async Task<int> FillAsync(RelayTarget relay, Workspace workspace, ParseResult parsed, CancellationToken cancellation)
    {
        var filled = Stopwatch.StartNew();
        await using var filler = await QueueFiller.OpenAsync(relay.RedisPort!.Value, workspace.Folder("filler"), cancellation);
        var accepted = await filler.FillAsync(
            "newsletter", MessageClass.Bulk, parsed.GetValue(_units), number => $"a{number}@d000000.load.test", parsed.GetValue(_bulkSize), cancellation);
        AnsiConsole.MarkupLineInterpolated(
            $"{accepted} queued in {filled.Elapsed.TotalSeconds:0} s, Redis holds {ProcessCost.ResidentOf(relay.StoreProcess!.Value) / 1024 / 1024} MiB");
        return accepted;
    }

    private static void Write(int units, double rate, RoundResult alone, RoundResult beside)
    {
        var table = new Table().AddColumn("transactional mail, ms from its 250 to the sink").AddColumns("alone", $"beside a bulk run of {units}", "more");
        Row("p50", latency => latency.P50);
        Row("p95", latency => latency.P95);
        Row("p99", latency => latency.P99);
        table.AddRow("lost", $"{alone.Lost}", $"{beside.Lost}", "");
        table.AddRow("machine taken by others, %", Text(100 * alone.TakenByOthers, "0"), Text(100 * beside.TakenByOthers, "0"), "");
        AnsiConsole.Write(table);
        AnsiConsole.MarkupLineInterpolated($"bulk delivered meanwhile: {rate:0} messages/s");

        void Row(string name, Func<Latency, TimeSpan> value)
        {
            var (before, after) = (value(alone.HandlingLatency).TotalMilliseconds, value(beside.HandlingLatency).TotalMilliseconds);
            table.AddRow(name, Text(before, "0.0"), Text(after, "0.0"), Text(after - before, "0.0"));
        }
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
