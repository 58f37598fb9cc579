using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Host.Commands;

/// <summary><c>relay route</c>: where mail of the world for a domain or an address goes.</summary>
internal static class RouteCommand
{
    private static readonly Argument<string> Match = new("MATCH") { Description = "A domain, for all its addresses without a route of their own, or an address." };
    private static readonly Argument<string> Id = new("ID") { Description = "The route's id, as 'relay route list' shows it." };
    private static readonly Option<string?> Webhook = new("--webhook") { Description = "Post it there, raw and parsed.", HelpName = "URL" };
    private static readonly Option<string?> To = new("--to") { Description = "Send it to this address instead.", HelpName = "ADDRESS" };

    public static Command Create() => new("route", "Let mail of the world in for a domain or an address, and say where it goes.")
    {
        new Command("add", "Add a route; without --webhook and --to it goes on to the host that Relay:Delivery:Routes names.") { Match, Webhook, To }.Asks(AddAsync),
        new Command("list", "List the account's routes.").Asks(ListAsync),
        new Command("remove", "Remove a route: mail for it is refused from now on.") { Id }.Asks(RemoveAsync),
    };

    private static async Task AddAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var wanted = new NewRoute(parsed.GetRequiredValue(Match), parsed.GetValue(Webhook), parsed.GetValue(To));
        var made = await relay.PostAsync("routes", JsonSerializer.Serialize(wanted, RouteJson.Default.NewRoute), cancellation);
        if (!print.Whole(made))
        {
            Printout.Facts(("id", made.Text("id")), ("match", made.Text("match")), ("MX record", made.Text("mx")), ("secret, shown this once", made.Text("secret")));
        }
    }

    private static async Task ListAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var routes = await relay.GetAsync("routes", cancellation);
        if (!print.Whole(routes))
        {
            Printout.Table(
                ["id", "match", "webhook", "to", "created"],
                [.. routes.Items("items").Select(route => new[] { route.Text("id"), route.Text("match"), route.Text("webhook"), route.Text("forwardTo"), route.Time("createdAt") })],
                "There are no routes.");
        }
    }

    private static async Task RemoveAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        await relay.DeleteAsync($"routes/{PathPart.Of(parsed.GetRequiredValue(Id))}", cancellation);
        if (Printout.IsTerminal && !print.IsJson)
        {
            Printout.Line($"{parsed.GetRequiredValue(Id)} is removed.");
        }
    }

    internal sealed record NewRoute(string Match, string? Webhook, string? ForwardTo);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RouteCommand.NewRoute))]
internal sealed partial class RouteJson : JsonSerializerContext;
