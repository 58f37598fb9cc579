using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Host.Commands;

/// <summary><c>relay sender</c>: single addresses to send as, where the domain is not one's own.</summary>
internal static class SenderCommand
{
    private static readonly Argument<string> Address = new("ADDRESS") { Description = "The address: ada@example.com." };

    public static Command Create() => new("sender", "Send as a single address, once its owner has said yes to a mailed link.")
    {
        new Command("add", "Add an address and mail it the link.") { Address }.Asks(AddAsync),
        new Command("list", "List the account's addresses.").Asks(ListAsync),
        new Command("mail", "Mail the link again.") { Address }.Asks(MailAsync),
        new Command("remove", "Send as an address no more.") { Address }.Asks(RemoveAsync),
    };

    private static async Task AddAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var wanted = new NewSender(parsed.GetRequiredValue(Address));
        Show(await relay.PostAsync("senders", JsonSerializer.Serialize(wanted, SenderJson.Default.NewSender), cancellation), print);
    }

    private static async Task ListAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var senders = await relay.GetAsync("senders", cancellation);
        if (!print.Whole(senders))
        {
            Printout.Table(
                ["address", "status", "id", "created", "verified"],
                [.. senders.Items("items").Select(s => new[] { s.Text("email"), s.Text("status"), s.Text("id"), s.Time("createdAt"), s.Time("verifiedAt") })],
                "The account has no single addresses.");
        }
    }

    private static async Task MailAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation) =>
        Show(await relay.PostAsync($"{PathOf(parsed)}/mail", "", cancellation), print);

    private static async Task RemoveAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        await relay.DeleteAsync(PathOf(parsed), cancellation);
        if (Printout.IsTerminal && !print.IsJson)
        {
            Console.WriteLine($"{parsed.GetRequiredValue(Address)} is removed.");
        }
    }

    private static void Show(JsonElement sender, Printout print)
    {
        if (!print.Whole(sender))
        {
            Printout.Facts(("address", sender.Text("email")), ("status", sender.Text("status")), ("link mailed", sender.Time("mailedAt")));
        }
    }

    private static string PathOf(ParseResult parsed) => $"senders/{PathPart.Of(parsed.GetRequiredValue(Address))}";

    internal sealed record NewSender(string Email);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SenderCommand.NewSender))]
internal sealed partial class SenderJson : JsonSerializerContext;
