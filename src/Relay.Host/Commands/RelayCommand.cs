using System.CommandLine;

namespace Relay.Host.Commands;

/// <summary>A command that asks a running relay; what goes wrong becomes one line on stderr and an exit code.</summary>
internal static class RelayCommand
{
    private static readonly Option<bool> AsJson = new("--json") { Description = "Print the relay's whole answer as JSON." };

    public static Command Asks(
        this Command command,
        Func<RelayClient, ParseResult, Printout, CancellationToken, Task> ask)
    {
        command.Add(AsJson);
        command.SetAction(async (parsed, cancellation) =>
        {
            try
            {
                using var relay = RelayClient.FromEnvironment();
                await ask(relay, parsed, new Printout(parsed.GetValue(AsJson)), cancellation);
                return ExitCode.Done;
            }
            catch (CommandFailure failure)
            {
                Printout.Problem(failure.Message);
                return failure.ExitCode;
            }
        });
        return command;
    }
}
