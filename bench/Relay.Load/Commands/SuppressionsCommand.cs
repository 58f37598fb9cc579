using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Relay.Load.Backlog;
using Relay.Load.Machine;
using Relay.Load.Targets;
using Relay.Load.Traffic;
using Relay.Mail.Suppressions;
using Relay.Smtp.Addresses;
using Spectre.Console;

namespace Relay.Load.Commands;

/// <summary>
/// <c>suppressions</c>: how long a list takes to come in as CSV, line by line through the API, and how many addresses a second are
/// looked for in a list of that length and in an empty one: the cost of a look must not grow with the list.
/// </summary>
internal sealed class SuppressionsCommand
{
    // What the account of the short list has.
    private const string ShortAccount = "newcomer";

    private readonly RelayOptions _options = new();
    private readonly Option<int> _entries = new("--entries") { Description = "Lines of the list", DefaultValueFactory = _ => 10_000_000 };
    private readonly Option<int> _broken = new("--broken-one-in") { Description = "Every so many lines one is broken", DefaultValueFactory = _ => 10_000 };
    private readonly Option<int> _atOnce = new("--at-once") { Description = "Looks under way at a time", DefaultValueFactory = _ => 64 };

    private readonly Option<TimeSpan> _for = new("--for")
    {
        Description = "How long each kind of look is measured",
        DefaultValueFactory = _ => TimeSpan.FromSeconds(10),
    };

    public Command AddTo(Command command)
    {
        foreach (var option in (Option[])[_entries, _broken, _atOnce, _for])
        {
            command.Add(option);
        }

        _options.AddTo(command, "redis-always", "redis-everysec", "embedded");
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var entries = parsed.GetValue(_entries);
        using var workspace = _options.OpenWorkspace(parsed);
        AnsiConsole.MarkupLineInterpolated($"{MachineFacts.Describe(workspace)}");

        var setup = new RelaySetup(_options.Program(parsed), _options.Fsync(parsed), Http: false, LoadTls.None) { RedisSettings = _options.RedisSettings(parsed) };
        await using var relay = await RelayTarget.StartAsync(workspace, "relay", setup, new(IPAddress.Loopback, 9), cancellation);
        var isExact = await ImportAsync(relay, entries, parsed.GetValue(_broken), cancellation);

        // An embedded store belongs to one process at a time.
        if (relay.RedisPort is null)
        {
            await relay.StopAsync();
        }

        await using var store = await OpenStore.OpenAsync(relay.RedisPort, relay.RedisPort is null ? relay.Folder : workspace.Folder("looker"), cancellation);
        var suppressions = store.Get<ISuppressionStore>();
        await suppressions.AddAsync(
            ShortAccount, [new Suppression { Address = SuppressionFile.AddressOf(1), Reason = SuppressionReason.Bounce, Since = DateTimeOffset.UtcNow }], cancellation);

        // Not counted: the runtime compiles what is hot.
        await LookAsync(suppressions, RelayTarget.Account, "news", entries, parsed, cancellation);
        var table = new Table().AddColumn("looks a second").AddColumns($"in {entries} entries", "in one entry");
        foreach (var (name, stream, isHit) in ((string, string?, bool)[])[("nobody there", null, false), ("somebody there", null, true), ("nobody there, mail of a stream", "news", false)])
        {
            var looks = new List<string>();
            foreach (var (account, length) in ((string, int)[])[(RelayTarget.Account, entries), (ShortAccount, 1)])
            {
                looks.Add((await LookAsync(suppressions, account, stream, isHit ? length : 0, parsed, cancellation)).ToString("0", CultureInfo.InvariantCulture));
            }

            table.AddRow([name, .. looks]);
        }

        AnsiConsole.Write(table);
        return isExact ? 0 : 1;
    }

    private static async Task<bool> ImportAsync(RelayTarget relay, int entries, int brokenOneIn, CancellationToken cancellation)
    {
        var imported = Stopwatch.StartNew();
        var (lines, at) = (0, TimeSpan.Zero);
        var result = await relay.ImportAsync(new SuppressionFile(entries, brokenOneIn), cancellation, read =>
        {
            if (read / 1_000_000 > lines / 1_000_000)
            {
                AnsiConsole.MarkupLineInterpolated($"{read} lines: {read - lines} in {(imported.Elapsed - at).TotalSeconds:0.0} s");
                (lines, at) = (read, imported.Elapsed);
            }
        });
        AnsiConsole.MarkupLineInterpolated(
            $"{entries} lines in {imported.Elapsed.TotalSeconds:0.0} s, {entries / imported.Elapsed.TotalSeconds:0} a second: {result.Added} added, {result.Refused} refused, {(result.IsExact ? "just the broken ones" : "NOT just the broken ones")}");
        return result.IsExact;
    }

    /// <param name="present">The first so many addresses are looked for; with none, addresses that are not there.</param>
    private async Task<double> LookAsync(
        ISuppressionStore suppressions, string account, string? stream, int present, ParseResult parsed, CancellationToken cancellation)
    {
        var (looked, patience) = (Stopwatch.StartNew(), parsed.GetValue(_for));
        var counts = await Task.WhenAll(Enumerable.Range(0, parsed.GetValue(_atOnce)).Select(async lane =>
        {
            var (random, count) = (new Random(lane), 0);
            for (; looked.Elapsed < patience; count++)
            {
                var address = present > 0 ? SuppressionFile.AddressOf(random.Next(present) + 1) : $"reader{random.Next()}@here.load.test";

                // Broken lines are not there; nothing else may be missing, nor anybody found who was not suppressed.
                if (await suppressions.FindAsync(account, EnvelopeAddress.Parse(address), stream, cancellation) is not null && present == 0)
                {
                    throw new InvalidOperationException($"{address} is suppressed, and should not be");
                }
            }

            return count;
        }));
        return counts.Sum() / looked.Elapsed.TotalSeconds;
    }
}
