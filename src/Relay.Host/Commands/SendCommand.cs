using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Host.Commands;

/// <summary><c>relay send</c>: one mail from flags, its text from a flag or from stdin.</summary>
internal static class SendCommand
{
    private static readonly Option<string> From = new("--from") { Description = "Author: you@example.com, or \"Name <you@example.com>\".", Required = true };
    private static readonly Option<string[]> To = new("--to") { Description = "Recipient; may be given several times.", Required = true };
    private static readonly Option<string> Subject = new("--subject") { Description = "Subject line.", DefaultValueFactory = _ => "" };
    private static readonly Option<string?> Text = new("--text") { Description = "Body as plain text; without --text and --html it is read from stdin." };
    private static readonly Option<string?> Html = new("--html") { Description = "Body as HTML." };
    private static readonly Option<string[]> Header = new("--header") { Description = "A further header, \"Name: value\"; may be given several times." };

    private static readonly Option<string?> Class = new("--class") { Description = "bulk: a newsletter or the like, which can be unsubscribed from; else transactional." };
    private static readonly Option<string?> Stream = new("--stream") { Description = "The list or kind of mail that it belongs to." };

    public static Command Create() => new Command("send", "Send one mail.") { From, To, Subject, Text, Html, Header, Class, Stream }.Asks(SendAsync);

    private static async Task SendAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var text = parsed.GetValue(Text);
        var html = parsed.GetValue(Html);
        if (text is null && html is null)
        {
            text = await ReadBodyAsync(cancellation);
        }

        var mail = new Mail(
            parsed.GetRequiredValue(From),
            parsed.GetRequiredValue(To),
            parsed.GetRequiredValue(Subject),
            text,
            html,
            HeadersOf(parsed.GetValue(Header) ?? []),
            parsed.GetValue(Class),
            parsed.GetValue(Stream));
        var answer = await relay.PostAsync("send", JsonSerializer.Serialize(mail, SendJson.Default.Mail), cancellation);

        if (!print.Whole(answer))
        {
            // The id alone into a pipe: a script wants nothing else.
            Console.WriteLine(Printout.IsTerminal ? $"{answer.Text("status")} as {answer.Text("id")}" : answer.Text("id"));
        }
    }

    private static async Task<string> ReadBodyAsync(CancellationToken cancellation)
    {
        if (!Console.IsInputRedirected)
        {
            Console.Error.WriteLine("Type the text; end with Ctrl+D on a line of its own.");
        }

        var body = await Console.In.ReadToEndAsync(cancellation);
        return body.Length > 0 ? body : throw new CommandFailure(ExitCode.Usage, "the mail has no body: give --text or --html, or write it to stdin");
    }

    private static Dictionary<string, string>? HeadersOf(string[] headers)
    {
        var named = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var header in headers)
        {
            var colon = header.IndexOf(':', StringComparison.Ordinal);
            if (colon < 1 || !named.TryAdd(header[..colon].Trim(), header[(colon + 1)..].Trim()))
            {
                throw new CommandFailure(ExitCode.Usage, colon < 1
                    ? $"--header '{header}' is not of the form \"Name: value\""
                    : $"--header names {header[..colon].Trim()} twice");
            }
        }

        return named.Count == 0 ? null : named;
    }

    internal sealed record Mail(string From, string[] To, string Subject, string? Text, string? Html, Dictionary<string, string>? Headers, string? Class, string? Stream);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SendCommand.Mail))]
internal sealed partial class SendJson : JsonSerializerContext;
