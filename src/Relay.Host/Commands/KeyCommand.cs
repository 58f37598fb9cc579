using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Host.Commands;

/// <summary><c>relay key</c>: API keys, which are SMTP passwords too.</summary>
internal static class KeyCommand
{
    private static readonly Argument<string> Name = new("NAME") { Description = "What the key is for: shop, newsletter, laptop." };
    private static readonly Option<bool> Test = new("--test") { Description = "What is sent with it goes to the inbox instead of the world." };
    private static readonly Option<string?> Account = new("--account") { Description = "Whose key, by the account's id; only the admin key may name another than its own." };
    private static readonly Option<string[]> Scope = new("--scope") { Description = "What it may do: send, read, manage; all of them if none is named." };
    private static readonly Option<string[]> Domain = new("--domain") { Description = "The only domain it may send as; *.shop.example for all below it." };
    private static readonly Option<string[]> FromRange = new("--from-range") { Description = "The only network it may be used from: 192.0.2.0/24, 2001:db8::/32, or one address." };
    private static readonly Option<string?> Expires = new("--expires") { Description = "When it ends: a time like 2026-12-31T00:00:00Z, or a while like 12h or 90d." };
    private static readonly Argument<string> Id = new("ID") { Description = "The key's id, as 'relay key list' shows it." };

    public static Command Create() => new("key", "Make, list and revoke keys.")
    {
        new Command("create", "Make a key and print it, this once.") 
        {
            Name, Test, Account, Scope, Domain, FromRange, Expires, LimitArguments.PerSecond, LimitArguments.PerDay, LimitArguments.PerMonth,
        }.Asks(CreateAsync),
        new Command("list", "List the account's keys.").Asks(ListAsync),
        new Command("limit", "Say what a key may send of what its account may, all of it at once: what is left out is not limited.")
        {
            Id, LimitArguments.PerSecond, LimitArguments.PerDay, LimitArguments.PerMonth,
        }.Asks(LimitAsync),
        new Command("revoke", "Revoke a key: what uses it is refused from now on.") { Id }.Asks(RevokeAsync),
    };

    private static async Task CreateAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var wanted = new NewKey(parsed.GetRequiredValue(Name), parsed.GetValue(Test) ? "test" : "live")
        {
            Account = parsed.GetValue(Account),
            Scopes = GivenOf(parsed, Scope),
            Domains = GivenOf(parsed, Domain),
            AddressRanges = GivenOf(parsed, FromRange),
            ExpiresAt = parsed.GetValue(Expires) is { } expires ? Moment.Read("--expires", expires) : null,
            Limits = LimitArguments.Read(parsed),
        };
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
                ["id", "name", "mode", "scopes", "limited to", "created", "last used", "ends"],
                [.. keys.Items("items").Select(key => new[]
                {
                    key.Text("id"), key.Text("name"), key.Text("mode"), string.Join(' ', key.Items("scopes").SelectMany(Json.Texts)),
                    ConfinesOf(key), key.Time("createdAt"), key.Time("lastUsedAt"),
                    key.Time("revokedAt") is { } revoked ? $"revoked {revoked}" : key.Time("expiresAt"),
                })],
                "The account has no keys.");
        }
    }

    private static string ConfinesOf(JsonElement key) => string.Join(
        "; ",
        new[]
        {
            string.Join(' ', key.Items("domains").SelectMany(Json.Texts)),
            string.Join(' ', key.Items("addressRanges").SelectMany(Json.Texts)),
            key.TryGetProperty("limits", out var limits) ? LimitArguments.Shown(limits) : "",
        }.Where(confine => confine.Length > 0));

    private static string[]? GivenOf(ParseResult parsed, Option<string[]> option) => parsed.GetValue(option) is { Length: > 0 } given ? given : null;

    private static async Task LimitAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Id);
        var key = await relay.PutAsync($"keys/{PathPart.Of(id)}/limits", LimitArguments.Json(LimitArguments.Read(parsed)), cancellation);
        if (!print.Whole(key))
        {
            Printout.Facts(("id", id), ("limits", ConfinesOf(key)));
        }
    }

    private static async Task RevokeAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Id);
        await relay.DeleteAsync($"keys/{PathPart.Of(id)}", cancellation);
        if (Printout.IsTerminal && !print.IsJson)
        {
            Console.WriteLine($"{id} is revoked.");
        }
    }

    internal sealed record NewKey(string Name, string Mode)
    {
        public string? Account { get; init; }
        public string[]? Scopes { get; init; }
        public string[]? Domains { get; init; }
        public string[]? AddressRanges { get; init; }
        public DateTimeOffset? ExpiresAt { get; init; }
        public LimitArguments.GivenLimits? Limits { get; init; }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(KeyCommand.NewKey))]
internal sealed partial class KeyJson : JsonSerializerContext;
