using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Host.Commands;

/// <summary><c>relay account</c>, with the admin key: whose mail, domains and keys are whose.</summary>
internal static class AccountCommand
{
    private static readonly Argument<string> Name = new("NAME") { Description = "Whose account it is, for people." };
    private static readonly Argument<string> Id = new("ID") { Description = "The account's id, as 'relay account list' shows it." };
    private static readonly Option<bool> AsConfigured = new("--default") { Description = "Let the limits of the configuration hold again." };

    public static Command Create() => new("account", "Make and list accounts, and say what they may send.")
    {
        new Command("create", "Make an account and print its id; 'relay key create --account ID' makes its first key.")
        {
            Name, LimitArguments.PerSecond, LimitArguments.PerDay, LimitArguments.PerMonth,
        }.Asks(CreateAsync),
        new Command("list", "List accounts and their limits.").Asks(ListAsync),
        new Command("limit", "Say what an account may send, all of it at once: what is left out is not limited.")
        {
            Id, LimitArguments.PerSecond, LimitArguments.PerDay, LimitArguments.PerMonth, AsConfigured,
        }.Asks(LimitAsync),
    };

    private static async Task CreateAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var wanted = new NewAccount(parsed.GetRequiredValue(Name), LimitArguments.Read(parsed));
        var made = await relay.PostAsync("accounts", JsonSerializer.Serialize(wanted, AccountJson.Default.NewAccount), cancellation);
        if (!print.Whole(made))
        {
            Console.WriteLine(made.Text("id"));
        }
    }

    private static async Task ListAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var accounts = await relay.GetAsync("accounts", cancellation);
        if (!print.Whole(accounts))
        {
            Printout.Table(
                ["id", "name", "limits", "created"],
                [.. accounts.Items("items").Select(a => new[] { a.Text("id"), a.Text("name"), LimitsOf(a), a.Time("createdAt") })],
                "There are no accounts.");
        }
    }

    private static async Task LimitAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var path = $"accounts/{PathPart.Of(parsed.GetRequiredValue(Id))}/limits";
        var limits = LimitArguments.Read(parsed);
        if (limits is not null && parsed.GetValue(AsConfigured))
        {
            throw new CommandFailure(ExitCode.Usage, "--default stands alone: it takes the account's own limits away");
        }

        var account = parsed.GetValue(AsConfigured)
            ? await relay.DeleteAsync(path, cancellation)
            : await relay.PutAsync(path, LimitArguments.Json(limits), cancellation);
        if (!print.Whole(account))
        {
            Printout.Facts(("id", account.Text("id")), ("name", account.Text("name")), ("limits", LimitsOf(account)));
        }
    }

    private static string LimitsOf(JsonElement account) =>
        !account.TryGetProperty("limits", out var limits) ? "as configured"
        : LimitArguments.Shown(limits) is { Length: > 0 } shown ? shown : "none";

    internal sealed record NewAccount(string Name, LimitArguments.GivenLimits? Limits);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AccountCommand.NewAccount))]
internal sealed partial class AccountJson : JsonSerializerContext;
