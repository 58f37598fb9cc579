using System.CommandLine;
using Relay.Faults.Scenarios;
using Relay.Faults.Stages;
using Relay.Faults.Stores;
using Spectre.Console;

namespace Relay.Faults.Commands;

/// <summary><c>run F1</c> plays one scenario, <c>all</c> each of them on each of its stores.</summary>
internal static class RunCommand
{
    private static readonly Option<int?> Rounds = new("--rounds") { Description = "How often the fault is done" };
    private static readonly Option<int?> Seed = new("--seed") { Description = "Decides all that is left to chance; a new one each time without it" };
    private static readonly Option<string?> Store = new("--store") { Description = $"{string.Join(", ", Enum.GetValues<StoreKind>().Select(StoreKinds.WordOf))}; each that the scenario has sense on without it" };
    private static readonly Option<int> Relays = new("--relays") { Description = "Nodes, where the scenario has several", DefaultValueFactory = _ => 3 };
    private static readonly Option<bool> Long = new("--long") { Description = "The long form: 100 kills and more" };
    private static readonly Option<TimeSpan?> Duration = new("--duration") { Description = "For the soak: how long, as hh:mm:ss" };
    public static readonly Option<string> History = new("--history")
    {
        Description = "Folder for what happened, a JSON line each",
        DefaultValueFactory = _ => Path.Combine(Path.GetTempPath(), "relay-faults"),
    };

    public static Command Create()
    {
        var names = new Argument<string[]>("scenario") { Description = "F1, F2, ...", Arity = ArgumentArity.OneOrMore };
        var command = new Command("run", "Play scenarios and print what they came to") { names };
        AddOptions(command);
        command.SetAction((parsed, cancellation) => RunAsync(parsed.GetRequiredValue(names).Select(Catalogue.Find), parsed, cancellation));
        return command;
    }

    public static Command CreateAll()
    {
        var command = new Command("all", "Play every scenario");
        AddOptions(command);
        command.SetAction((parsed, cancellation) => RunAsync(Catalogue.All, parsed, cancellation));
        return command;
    }

    private static void AddOptions(Command command)
    {
        foreach (var option in (Option[])[Rounds, Seed, Store, Relays, Long, Duration, History])
        {
            command.Add(option);
        }
    }

    private static async Task<int> RunAsync(IEnumerable<Scenario> scenarios, ParseResult parsed, CancellationToken cancellation)
    {
        var rows = new List<Row>();
        foreach (var scenario in scenarios)
        {
            foreach (var store in parsed.GetValue(Store) is { } named ? [StoreKinds.Parse(named)] : scenario.Stores)
            {
                var request = RequestOf(parsed, scenario, store);
                AnsiConsole.MarkupLineInterpolated($"{scenario.Id} on {StoreKinds.WordOf(store)}, seed {request.Seed}: {scenario.Fault}");
                rows.Add(await Play.RunAsync(scenario, request, cancellation));
                AnsiConsole.MarkupLineInterpolated($"    {rows[^1].WhyNot ?? (rows[^1].HasFailed ? "BROKEN" : "holds")}");
            }
        }

        Report.Write(rows);
        return rows.Exists(r => r.HasFailed) ? 1 : 0;
    }

    private static RunRequest RequestOf(ParseResult parsed, Scenario scenario, StoreKind store)
    {
        var isLong = parsed.GetValue(Long);
        return new RunRequest(
            store,
            parsed.GetValue(Rounds) ?? (isLong ? scenario.Rounds.Long : scenario.Rounds.Short),
            parsed.GetValue(Seed) ?? Random.Shared.Next(1, 1_000_000),
            parsed.GetValue(Relays),
            isLong,
            parsed.GetRequiredValue(History)) { Duration = parsed.GetValue(Duration) };
    }
}
