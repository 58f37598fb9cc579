using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using Relay.Feedback.Incoming;

namespace Relay.Host.Commands;

/// <summary>
/// <c>relay bounce</c>: reads reports that came by mail, without a running relay, so that a strange one can be judged by hand;
/// and shows those that a running one could make nothing of.
/// </summary>
internal static class BounceCommand
{
    private const string StandardInput = "-";

    private static readonly Argument<string[]> Files = new("FILE")
    {
        Description = "A raw message; a folder stands for the files in it, - for standard input.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Argument<string?> Id = new("ID") { Description = "Show the first 32 KiB of this one.", Arity = ArgumentArity.ZeroOrOne };

    private static readonly BounceJson Json = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        // Words of any language are to be read, not counted.
        Encoder = JavaScriptEncoder.Create(UnicodeRanges.All),
    });

    public static Command Create()
    {
        var parse = new Command("parse", "Print what each message reports, as one line of JSON.") { Files };
        parse.SetAction((parsed, cancellation) => ParseAsync(parsed.GetRequiredValue(Files), cancellation));
        return new Command("bounce", "Look at bounces, complaints and automatic answers.")
        {
            parse,
            new Command("aside", "List mail that came back and that nobody could make anything of, or show one of it.") { Id }.Asks(ShowAsideAsync),
            new Command("rotate", "Make the next key that return paths are signed with; what older ones signed stays good.").Asks(RotateAsync),
        };
    }

    private static async Task<int> ParseAsync(string[] names, CancellationToken cancellation)
    {
        var exit = ExitCode.Done;
        foreach (var name in names.SelectMany(FilesOf))
        {
            try
            {
                await using var message = name == StandardInput ? Console.OpenStandardInput() : File.OpenRead(name);
                Print(name, await ReportReader.ReadAsync(message, cancellation));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
            {
                // The others are read all the same.
                Printout.Problem($"{name} cannot be read: {e.Message}");
                exit = ExitCode.CannotOpen;
            }
        }

        return exit;
    }

    private static async Task ShowAsideAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        if (parsed.GetValue(Id) is { } id)
        {
            // The octets themselves, so that a pipe gets the mail as it is: to 'relay bounce parse -', say.
            var raw = await relay.GetRawAsync($"incoming/aside/{PathPart.Of(id)}/raw", cancellation);
            await using var output = Console.OpenStandardOutput();
            await output.WriteAsync(raw, cancellation);
            return;
        }

        var kept = await relay.GetAsync("incoming/aside", cancellation);
        if (!print.Whole(kept))
        {
            Printout.Table(
                ["id", "time", "about", "from", "client", "size", "reason"],
                [.. kept.Items("items").Select(mail => new[]
                {
                    mail.Text("id"), mail.Time("time"), mail.Text("about"), mail.Text("sender"), mail.Text("client"), mail.Text("size"), mail.Text("reason"),
                })],
                "Nothing is kept aside.");
        }
    }

    private static async Task RotateAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var made = await relay.PostAsync("tokens/rotate", "{}", cancellation);
        if (!print.Whole(made))
        {
            Printout.Facts(("number", made.Text("number")), ("signs from", made.Time("from")));
        }
    }

    private static IEnumerable<string> FilesOf(string name) =>
        name != StandardInput && Directory.Exists(name) ? Directory.EnumerateFiles(name).Order(StringComparer.Ordinal) : [name];

    private static void Print(string file, IncomingReport report) => Console.WriteLine(JsonSerializer.Serialize(
        new ParsedFile(
            file,
            report.Kind switch
            {
                ReportKind.Bounce => "bounce",
                ReportKind.Complaint => "complaint",
                ReportKind.AutoReply => "auto-reply",
                ReportKind.Unsubscribe => "unsubscribe",
                _ => "other",
            },
            [.. report.Recipients.Select(recipient => new ParsedRecipient(
                recipient.Address, recipient.Status, recipient.Reply, recipient.Class, recipient.Severity?.ToString().ToLowerInvariant(), recipient.Rule))]),
        Json.ParsedFile));

    internal sealed record ParsedFile(string File, string Kind, ParsedRecipient[] Recipients);

    internal sealed record ParsedRecipient(string Address, string? Status, string? Reply, string Class, string? Severity, string Rule);
}

[JsonSerializable(typeof(BounceCommand.ParsedFile))]
internal sealed partial class BounceJson : JsonSerializerContext;
