using System.CommandLine;
using System.Text.Json;

namespace Relay.Host.Commands;

/// <summary><c>relay message</c>: what became of a message.</summary>
internal static class MessageCommand
{
    private static readonly Argument<string> Id = new("ID") { Description = "The id that the answer to a send gives." };

    private static readonly Option<string?> Reason = new("--reason") { Description = "Why, for people: it stands in the message's events." };

    public static Command Create() => new("message", "Look at messages, and cancel them.")
    {
        new Command("show", "Show where each recipient's copy is, and all that happened to it.") { Id }.Asks(ShowAsync),
        new Command("transcripts", "Show what was said in the attempts that failed.") { Id }.Asks(TranscriptsAsync),
        new Command("cancel", "Cancel what has not gone out yet.") { Id, Reason }.Asks(CancelAsync),
    };

    private static async Task ShowAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var message = await relay.GetAsync($"messages/{PathPart.Of(parsed.GetRequiredValue(Id))}", cancellation);
        if (print.Whole(message))
        {
            return;
        }

        Printout.Facts(
            ("id", message.Text("id")),
            ("message-id", message.Text("messageId")),
            ("from", message.Text("from")),
            ("subject", message.Text("subject")));
        Console.WriteLine();
        Printout.Table(
            ["recipient", "status", "waiting"],
            [.. message.Items("recipients").Select(r => new[] { r.Text("email"), r.Text("status"), WaitingOf(r) })],
            "no recipient");
        Console.WriteLine();
        Printout.Table(
            ["time", "event", "recipient", "host", "reply"],
            [.. message.Items("timeline").Select(e => new[] { e.Time("time"), e.Text("type"), e.Text("recipient"), e.Text("host"), e.Text("reply") })],
            "nothing happened yet");
    }

    private static async Task TranscriptsAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var transcripts = await relay.GetAsync($"messages/{PathPart.Of(parsed.GetRequiredValue(Id))}/transcripts", cancellation);
        if (print.Whole(transcripts))
        {
            return;
        }

        foreach (var transcript in transcripts.Items("items"))
        {
            Console.WriteLine($"attempt {transcript.Text("attempt")} at {transcript.Text("domain")}, {transcript.Time("time")}{(transcript.Text("sample") == "true" ? ", a good one" : "")}");
            foreach (var line in transcript.Items("lines"))
            {
                var mark = line.Text("voice") switch { "us" => '>', "them" => '<', _ => '#' };
                Console.WriteLine($"{line.Time("time")} {mark} {line.Text("text")}");
            }

            Console.WriteLine();
        }
    }

    private static async Task CancelAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var reason = parsed.GetValue(Reason) is { } given ? $"?reason={Uri.EscapeDataString(given)}" : "";
        var answer = await relay.DeleteAsync($"messages/{PathPart.Of(parsed.GetRequiredValue(Id))}{reason}", cancellation);
        if (!print.Whole(answer))
        {
            if (Printout.IsTerminal && answer.Text("status") == "accepted")
            {
                Console.WriteLine("It is kept and done as soon as the mail's owner answers.");
            }

            Printout.Table(
                ["recipient", "status"],
                [.. answer.Items("recipients").Select(r => new[] { r.Text("email"), r.Text("status") })],
                "no recipient");
        }
    }

    private static string? WaitingOf(JsonElement recipient) =>
        recipient.TryGetProperty("waiting", out var waiting) && waiting.ValueKind == JsonValueKind.Object
            ? waiting.Time("until") is { } until ? $"until {until}: {waiting.Text("reason")}" : waiting.Text("reason")
            : null;
}
