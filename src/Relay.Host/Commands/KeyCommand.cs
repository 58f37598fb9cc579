using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Host.Commands;

/// <summary><c>relay key</c>: API keys, which are SMTP passwords too.</summary>
internal static class KeyCommand
{
    private static readonly Argument<string> Name = new("NAME") { Description = "What the key is for: shop, newsletter, laptop." };
    private static readonly Option<bool> Test = new("--test") { Description = "What is sent with it goes to the inbox instead of the world." };
    private static readonly Argument<string> Id = new("ID") { Description = "The key's id, as 'relay key list' shows it." };

    public static Command Create() => new("key", "Make, list and revoke keys.")
    {
        new Command("create", "Make a key and print it, this once.") { Name, Test }.Asks(CreateAsync),
        new Command("list", "List the account's keys.").Asks(ListAsync),
        new Command("revoke", "Revoke a key: what uses it is refused from now on.") { Id }.Asks(RevokeAsync),
    };

    private static async Task CreateAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var wanted = new NewKey(parsed.GetRequiredValue(Name), parsed.GetValue(Test) ? "test" : "live");
        var made = await relay.PostAsync("keys", JsonSerializer.Serialize(wanted, KeyJson.Default.NewKey), cancellation);
        if (print.Whole(made))
        {
            return;
        }

        if (!Printout.IsTerminal)
        {
            Console.WriteLine(made.Text("key"));
            return;
        }

        Printout.Facts(("id", made.Text("id")), ("key", made.Text("key")));
        Console.WriteLine("Keep it now: it is not shown again.");
    }

    private static async Task ListAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var keys = await relay.GetAsync("keys", cancellation);
        if (!print.Whole(keys))
        {
            Printout.Table(
                ["id", "name", "mode", "scopes", "created", "revoked"],
                [.. keys.Items("items").Select(key => new[]
                {
                    key.Text("id"), key.Text("name"), key.Text("mode"), string.Join(' ', key.Items("scopes").SelectMany(Json.Texts)),
                    key.Time("createdAt"), key.Time("revokedAt"),
                })],
                "The account has no keys.");
        }
    }

    private static async Task RevokeAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Id);
        await relay.DeleteAsync($"keys/{Uri.EscapeDataString(id)}", cancellation);
        if (Printout.IsTerminal && !print.IsJson)
        {
            Console.WriteLine($"{id} is revoked.");
        }
    }

    internal sealed record NewKey(string Name, string Mode);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(KeyCommand.NewKey))]
internal sealed partial class KeyJson : JsonSerializerContext;
