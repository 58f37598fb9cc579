using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Relay.Host.Settings;
using Relay.Redis;
using Relay.Redis.Repartition;

namespace Relay.Host.Commands;

/// <summary><c>relay store</c>: works on the store itself, while no relay runs on it.</summary>
internal static class StoreCommand
{
    private static readonly Option<string?> ConfigFile = new("--config") { Description = "The settings of the relay whose store it is.", HelpName = "FILE" };

    private static readonly Option<int> Partitions = new("--partitions")
    {
        Description = "How many there are to be: a power of two, at most 1024.",
        HelpName = "N",
        Required = true,
    };

    public static Command Create()
    {
        var repartition = new Command("repartition", "Change the number of partitions, offline. Cut off anywhere, it loses nothing; run again, it goes on.")
        {
            ConfigFile,
            Partitions,
        };
        repartition.SetAction(RepartitionAsync);
        return new Command("store", "Work on the store itself, while no relay runs on it.") { repartition };
    }

    private static async Task<int> RepartitionAsync(ParseResult parsed, CancellationToken cancellation)
    {
        try
        {
            var environment = Environment.GetEnvironmentVariable("DOTNET_ENVIRONMENT") ?? Environments.Production;
            using var configuration = new ConfigurationManager();
            var relay = RelaySettings.Load(configuration, parsed.GetValue(ConfigFile), environment);
            var done = await RepartitionCommand.RunAsync(relay, parsed.GetValue(Partitions), cancellation);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{done.From} partitions are now {done.To}; {done.Keys} keys were moved"));
            return ExitCode.Done;
        }
        catch (SettingsException e)
        {
            Printout.Problem(e.Message);
            return ExitCode.Configuration;
        }
        catch (StoreRefusedException e)
        {
            Printout.Problem(e.Message);
            return ExitCode.Refused;
        }
        catch (OperationCanceledException)
        {
            Printout.Problem("cut off; nothing is lost, and the next run goes on");
            return ExitCode.Failed;
        }
    }
}
