using System.CommandLine;
using Relay.Faults.Scenarios;
using Relay.Faults.Stores;
using Spectre.Console;

namespace Relay.Faults.Commands;

/// <summary><c>list</c>: what there is.</summary>
internal static class ListCommand
{
    public static Command Create()
    {
        var command = new Command("list", "Show the scenarios");
        command.SetAction(_ => Write());
        return command;
    }

    private static void Write()
    {
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("", "fault", "must hold", "stores", "rounds");
        foreach (var s in Catalogue.All)
        {
            var stores = string.Join(", ", s.Stores.Select(StoreKinds.WordOf));
            table.AddRow([.. ((string[])[s.Id, s.Fault, s.Expectation, stores, $"{s.Rounds.Short} / {s.Rounds.Long}"]).Select(Markup.Escape)]);
        }

        AnsiConsole.Write(table);
    }
}
