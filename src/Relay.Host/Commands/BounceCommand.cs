using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using Relay.Feedback.Incoming;

namespace Relay.Host.Commands;

/// <summary><c>relay bounce</c>: reads reports that came by mail, without a running relay, so that a strange one can be judged by hand.</summary>
internal static class BounceCommand
{
    private const string StandardInput = "-";

    private static readonly Argument<string[]> Files = new("FILE")
    {
        Description = "A raw message; a folder stands for the files in it, - for standard input.",
        Arity = ArgumentArity.OneOrMore,
    };

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
        return new Command("bounce", "Look at bounces, complaints and automatic answers.") { parse };
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
