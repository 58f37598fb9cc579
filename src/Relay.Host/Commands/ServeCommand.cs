using System.CommandLine;
using Relay.Host.Serving;

namespace Relay.Host.Commands;

/// <summary><c>relay serve</c>, which is also <c>relay</c> alone.</summary>
internal static class ServeCommand
{
    private static readonly Option<string?> ConfigFile = new("--config")
    {
        Description = "A JSON file with settings (comments allowed); environment variables such as Relay__Http__Port win over it.",
        HelpName = "FILE",
    };

    public static Command Create() => new Command("serve", "Run the relay (what 'relay' alone does).").Serves();

    public static T Serves<T>(this T command)
        where T : Command
    {
        command.Add(ConfigFile);
        command.SetAction((parsed, cancellation) => RelayServer.RunAsync(parsed.GetValue(ConfigFile), cancellation));
        return command;
    }
}
