using System.CommandLine;
using System.Net;
using Relay.Load.Machine;
using Relay.Load.Rounds;
using Relay.Load.Sink;
using Relay.Load.Targets;
using Relay.Load.Targets.Rivals;
using Relay.Load.Traffic;
using Spectre.Console;

namespace Relay.Load.Commands;

/// <summary>
/// <c>run</c>: starts store, relay and sink, sends, and says what it took. What it is compared with takes turns with it,
/// so that a machine that grows slower grows slower for both.
/// </summary>
internal sealed class RunCommand
{
    private readonly RelayOptions _options = new();
    private readonly TrafficOptions _traffic = new();

    private readonly Option<string[]> _compare = new("--compare")
    {
        Description = "The same through another server; sink: generator and sink alone",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string[]> _postfix = new("--postfix-setting")
    {
        Description = "A line of main.cf that wins over ours: name=value",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<bool> _withoutRelay = new("--without-relay") { Description = "Only what --compare names" };

    private readonly Option<int> _rounds = new("--rounds") { Description = "Turns each one gets", DefaultValueFactory = _ => 3 };

    // Enough for the runtime to have compiled and recompiled what is hot, and for Postfix to have all its processes.
    private readonly Option<int> _warmup = new("--warmup")
    {
        Description = "Messages before each round that are not counted",
        DefaultValueFactory = _ => 3_000,
    };

    private readonly Option<bool> _dkim = new("--dkim") { Description = "Let the relay sign with RSA-2048 and Ed25519" };

    private readonly Option<bool> _verified = new("--verified") { Description = "Require verified domains, and verify the sender's; its mail is signed then" };

    private readonly Option<int> _suppressed = new("--suppressed") { Description = "Suppressed addresses that the account has; none is sent to" };

    private readonly Option<bool> _steps = new("--steps")
    {
        Description = "Beside it, turn by turn, the relay with less: bare, only signing, and signing for a verified domain",
    };

    private readonly Option<bool> _chunking = new("--chunking") { Description = "Let the sink offer CHUNKING" };

    private readonly Option<bool> _sinkTls = new("--sink-tls") { Description = "Let the sink offer STARTTLS, which every server here then uses" };

    private readonly Option<TimeSpan> _patience = new("--patience")
    {
        Description = "How long the sink may stay silent before what is missing counts as lost",
        DefaultValueFactory = _ => TimeSpan.FromSeconds(60),
    };

    public Command AddTo(Command command)
    {
        _compare.AcceptOnlyFromAmong("postfix", "exim", "opensmtpd", "haraka", "sink");
        _traffic.AddTo(command);
        foreach (var option in (Option[])[_compare, _postfix, _withoutRelay, _rounds, _warmup, _dkim, _verified, _suppressed, _steps, _chunking, _sinkTls, _patience])
        {
            command.Add(option);
        }

        _options.AddTo(command, "redis-always", "redis-everysec", "embedded");
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        using var workspace = _options.OpenWorkspace(parsed);
        var certificate = parsed.GetValue(_sinkTls) || parsed.GetValue(_traffic.Tls) != LoadTls.None ? TestCertificate.Write(workspace) : null;
        using var sink = SmtpSink.Listen(
            new(IPAddress.Loopback, 0), new(parsed.GetValue(_chunking), parsed.GetValue(_sinkTls) ? certificate?.Certificate : null));
        var targets = Targets(parsed, workspace, sink, certificate);
        var results = targets.ToDictionary(target => target.Name, _ => new List<RoundResult>());
        AnsiConsole.MarkupLineInterpolated($"{MachineFacts.Describe(workspace)}");

        var round = new Round(_traffic.Plan(parsed), sink, parsed.GetValue(_patience));
        for (var number = 1; number <= parsed.GetValue(_rounds); number++)
        {
            foreach (var (name, start) in targets)
            {
                await using var target = await start($"{name}-{number}", cancellation);
                var result = await LedgerProgress.ShowAsync(name, watch => round.RunAsync(
                    target, parsed.GetValue(_warmup), parsed.GetValue(_traffic.Count), watch, cancellation));
                results[name].Add(result);
                RoundsReport.WriteRound(number, name, result);
            }
        }

        RoundsReport.WriteMedians([.. targets.Select(target => (target.Name, (IReadOnlyList<RoundResult>)results[target.Name]))]);
        if (sink.Strays > 0)
        {
            AnsiConsole.MarkupLineInterpolated($"[red]{sink.Strays} messages came that belong to no round: late doubles, or bounces[/]");
        }

        return results.Values.SelectMany(rounds => rounds).All(result => result is { Lost: 0, Refused: 0 }) ? 0 : 1;
    }

    private List<(string Name, Func<string, CancellationToken, Task<ITarget>> Start)> Targets(
        ParseResult parsed, Workspace workspace, SmtpSink sink, TestCertificate? certificate)
    {
        var compared = parsed.GetValue(_compare)!;
        var tls = parsed.GetValue(_traffic.Tls);
        if (compared.Length > 0 && parsed.GetValue(_traffic.Http))
        {
            throw new InvalidOperationException("The others have no HTTP door");
        }

        if (compared.Any(name => name is not ("postfix" or "haraka") || tls == LoadTls.Implicit) && certificate is not null)
        {
            throw new InvalidOperationException("With TLS only Postfix and Haraka can be compared, and with STARTTLS: nothing else has a certificate here");
        }

        var targets = new List<(string, Func<string, CancellationToken, Task<ITarget>>)>();
        if (!parsed.GetValue(_withoutRelay))
        {
            var fsync = _options.Fsync(parsed);
            var bare = new RelaySetup(_options.Program(parsed), fsync, parsed.GetValue(_traffic.Http), tls)
            {
                SinkTls = parsed.GetValue(_sinkTls),
                RedisSettings = _options.RedisSettings(parsed),
            };
            var whole = bare with { Dkim = parsed.GetValue(_dkim), Verified = parsed.GetValue(_verified), Suppressed = parsed.GetValue(_suppressed) };
            IReadOnlyList<(string Name, RelaySetup Setup)> setups = parsed.GetValue(_steps)
                ? [("bare", bare), ("signing", bare with { Dkim = true }), ("verified", bare with { Verified = true }), ("relay", whole)]
                : [("relay", whole)];
            targets.AddRange(setups.Select(each => (each.Name, (Func<string, CancellationToken, Task<ITarget>>)(async (name, cancellation) =>
                await RelayTarget.StartAsync(workspace, name, each.Setup, sink.Address, cancellation)))));
        }

        if (compared.Contains("postfix"))
        {
            string[] settings = [.. certificate is null ? [] : PostfixTarget.Tls(certificate, parsed.GetValue(_sinkTls)), .. parsed.GetValue(_postfix)!];
            targets.Add(("postfix", async (name, cancellation) =>
                await PostfixTarget.StartAsync(workspace, name, settings, tls, sink.Address, cancellation)));
        }

        foreach (var (rival, start) in (IEnumerable<(string, Func<Workspace, string, IPEndPoint, CancellationToken, Task<ITarget>>)>)
            [
                ("exim", Exim.StartAsync),
                ("opensmtpd", OpenSmtpd.StartAsync),
                ("haraka", (space, name, to, cancellation) => Haraka.StartAsync(space, name, certificate, tls, parsed.GetValue(_sinkTls), to, cancellation)),
            ])
        {
            if (compared.Contains(rival))
            {
                targets.Add((rival, (name, cancellation) => start(workspace, name, sink.Address, cancellation)));
            }
        }

        if (compared.Contains("sink"))
        {
            targets.Add(("sink", (_, _) => Task.FromResult<ITarget>(new SinkAlone(sink.Address))));
        }

        return targets;
    }
}
