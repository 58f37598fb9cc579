using System.CommandLine;
using System.Text.Json;

namespace Relay.Host.Commands;

/// <summary><c>relay inbox</c>: what was sent with a test key, and caught before the last hop.</summary>
internal static class InboxCommand
{
    private static readonly Argument<string?> Id = new("ID") { Description = "Show this one as it would have gone out.", Arity = ArgumentArity.ZeroOrOne };

    public static Command Create() =>
        new Command("inbox", "List what was sent with a test key, or show one of it.") { Id, PageOptions.Limit, PageOptions.Cursor }.Asks(ShowAsync);

    private static async Task ShowAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        if (parsed.GetValue(Id) is { } id)
        {
            await ShowOneAsync(relay, PathPart.Of(id), print, cancellation);
            return;
        }

        var inbox = await relay.GetAsync($"inbox{PageOptions.QueryOf(parsed)}", cancellation);
        if (!print.Whole(inbox))
        {
            Printout.Table(
                ["id", "received", "from", "to", "subject"],
                [.. inbox.Items("items").Select(m => new[] { m.Text("id"), m.Time("receivedAt"), m.Text("from"), RecipientsOf(m), m.Text("subject") })],
                "The inbox is empty: nothing was sent with a test key yet.");
            PageOptions.TellMore(inbox);
        }
    }

    private static async Task ShowOneAsync(RelayClient relay, string id, Printout print, CancellationToken cancellation)
    {
        if (print.IsJson)
        {
            print.Whole(await relay.GetAsync($"inbox/{id}", cancellation));
            return;
        }

        // The octets themselves, so that a pipe gets the mail as it is.
        var raw = await relay.GetRawAsync($"inbox/{id}/raw", cancellation);
        await using var output = Console.OpenStandardOutput();
        await output.WriteAsync(raw, cancellation);
    }

    private static string RecipientsOf(JsonElement message) =>
        string.Join(", ", message.Items("recipients").Select(r => r.ValueKind == JsonValueKind.String ? r.GetString() : r.Text("email")));
}
