using System.CommandLine;
using Relay.Faults.Peers;
using Spectre.Console;

namespace Relay.Faults.Commands;

/// <summary><c>peer</c> plays the kills of F1 on Postfix, for something to compare with.</summary>
internal static class PeerCommand
{
    private static readonly Option<int> Rounds = new("--rounds") { Description = "Kills", DefaultValueFactory = _ => 100 };
    private static readonly Option<int?> Seed = new("--seed") { Description = "Decides all that is left to chance; a new one each time without it" };

    public static Command Create()
    {
        var command = new Command("peer", "Kill Postfix as F1 kills a relay, with the same ledgers (root)") { Rounds, Seed, RunCommand.History };
        command.SetAction(async (parsed, cancellation) =>
        {
            var seed = parsed.GetValue(Seed) ?? Random.Shared.Next(1_000_000);
            AnsiConsole.MarkupLineInterpolated($"Postfix, seed {seed}");
            AnsiConsole.WriteLine((await PostfixKilled.PlayAsync(parsed.GetValue(Rounds), seed, parsed.GetRequiredValue(RunCommand.History), cancellation)).ToString());
            return 0;
        });
        return command;
    }
}
