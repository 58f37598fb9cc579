using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Host.Commands;

/// <summary><c>relay suppression</c>: the addresses that an account sends nothing to.</summary>
internal static class SuppressionCommand
{
    // Some 2 MB: progress is seen, and what was done is not lost when the connection is.
    private const int LinesPerRequest = 50_000;

    private static readonly Argument<string> Address = new("ADDRESS") { Description = "The recipient: ada@example.com." };
    private static readonly Argument<FileInfo> From = new("FILE") { Description = "Lines of email,reason,since,words,stream; the first is enough." };
    private static readonly Option<string?> Note = new("--note") { Description = "Why, for whoever looks at it later." };
    private static readonly Option<string?> Stream = new("--stream") { Description = "Only mail of this stream, such as a newsletter's; without it, all mail." };

    public static Command Create() => new("suppression", "List, add and release addresses that nothing is sent to.")
    {
        new Command("list", "List suppressed addresses, in no order.") { PageOptions.Limit, PageOptions.Cursor }.Asks(ListAsync),
        new Command("show", "Show why an address is suppressed, or that it was released.") { Address }.Asks(ShowAsync),
        new Command("add", "Send nothing to an address any more.") { Address, Stream, Note }.Asks(AddAsync),
        new Command("remove", "Let mail go to an address again; that is remembered.") { Address, Stream }.Asks(RemoveAsync),
        new Command("import", "Add the addresses of a file.") { From }.Asks(ImportAsync),
        new Command("export", "Print all of them as comma-separated values.").Asks(ExportAsync),
    };

    private static async Task ListAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var page = await relay.GetAsync($"suppressions{PageOptions.QueryOf(parsed)}", cancellation);
        if (!print.Whole(page))
        {
            Printout.Table(
                ["email", "stream", "reason", "since", "words"],
                [.. page.Items("items").Select(s => new[] { s.Text("email"), s.Text("stream"), s.Text("reason"), s.Time("since"), s.Text("words") })],
                "No address is suppressed.");
            PageOptions.TellMore(page);
        }
    }

    private static async Task ShowAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation) =>
        Show(await relay.GetAsync(PathOf(parsed), cancellation), print);

    private static async Task AddAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var wanted = new NewSuppression(parsed.GetRequiredValue(Address), parsed.GetValue(Stream), parsed.GetValue(Note));
        Show(await relay.PostAsync("suppressions", JsonSerializer.Serialize(wanted, SuppressionJson.Default.NewSuppression), cancellation), print);
    }

    private static async Task RemoveAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var stream = parsed.GetValue(Stream) is { } name ? $"?stream={Uri.EscapeDataString(name)}" : "";
        await relay.DeleteAsync(PathOf(parsed) + stream, cancellation);
        if (!print.Whole(JsonSerializer.SerializeToElement(new Released(parsed.GetRequiredValue(Address), parsed.GetValue(Stream), "released"), SuppressionJson.Default.Released)))
        {
            Printout.Line($"Mail may go to {parsed.GetRequiredValue(Address)} again.");
        }
    }

    private static async Task ImportAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var file = parsed.GetRequiredValue(From);
        if (!file.Exists)
        {
            throw new CommandFailure(ExitCode.Usage, $"there is no file {file.FullName}");
        }

        var (read, added, known, refused) = (0, 0, 0, 0);
        var errors = new List<ImportError>();
        foreach (var lines in File.ReadLines(file.FullName).Chunk(LinesPerRequest))
        {
            var answer = await relay.PostTextAsync("suppressions/import", string.Join('\n', lines), "text/csv", cancellation);
            foreach (var error in answer.Items("errors"))
            {
                errors.Add(new ImportError(read + error.Number("line"), error.Text("text")));
                Printout.Problem($"line {errors[^1].Line}: {errors[^1].Text}");
            }

            read += lines.Length;
            (added, known, refused) = (added + answer.Number("added"), known + answer.Number("known"), refused + answer.Number("refused"));
            if (Printout.IsTerminal && !print.IsJson)
            {
                Printout.Line($"{read} lines read: {added} added, {known} known already, {refused} not understood");
            }
        }

        if (!print.Whole(JsonSerializer.SerializeToElement(new ImportSum(read, added, known, refused, errors), SuppressionJson.Default.ImportSum)) && !Printout.IsTerminal)
        {
            Printout.Facts(("read", Count(read)), ("added", Count(added)), ("known", Count(known)), ("refused", Count(refused)));
        }

        if (refused > 0)
        {
            throw new CommandFailure(ExitCode.Refused, $"{refused} of {read} lines were not understood; the others were taken");
        }
    }

    private static async Task ExportAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        await using var output = Console.OpenStandardOutput();
        await relay.CopyAsync("suppressions/export", output, cancellation);
    }

    private static void Show(JsonElement suppression, Printout print)
    {
        if (!print.Whole(suppression))
        {
            Printout.Facts(
                ("email", suppression.Text("email")),
                ("stream", suppression.Text("stream")),
                ("status", suppression.Text("status")),
                ("reason", suppression.Text("reason")),
                ("since", suppression.Time("since")),
                ("words", suppression.Text("words")),
                ("rule", suppression.Text("rule")),
                ("message", suppression.Text("message")),
                ("by", suppression.Text("by")),
                ("released", suppression.Time("releasedAt")),
                ("released by", suppression.Text("releasedBy")));
            if (suppression.TryGetProperty("earlier", out var earlier) && earlier.ValueKind == JsonValueKind.Object)
            {
                Printout.Facts(("before that", $"{earlier.Text("reason")}, {earlier.Time("since")}"), ("with", earlier.Text("words")));
            }

            foreach (var other in suppression.Items("others"))
            {
                Printout.Line("");
                Show(other, print);
            }
        }
    }

    private static string PathOf(ParseResult parsed) => $"suppressions/{PathPart.Of(parsed.GetRequiredValue(Address))}";

    private static string Count(int number) => number.ToString(CultureInfo.InvariantCulture);

    internal sealed record NewSuppression(string Email, string? Stream, string? Note);

    internal sealed record Released(string Email, string? Stream, string Status);

    /// <summary>The answers to all parts of a file, put together.</summary>
    internal sealed record ImportSum(int Read, int Added, int Known, int Refused, IReadOnlyList<ImportError> Errors);

    /// <param name="Line">Of the whole file, from 1.</param>
    internal sealed record ImportError(int Line, string? Text);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SuppressionCommand.NewSuppression))]
[JsonSerializable(typeof(SuppressionCommand.Released))]
[JsonSerializable(typeof(SuppressionCommand.ImportSum))]
internal sealed partial class SuppressionJson : JsonSerializerContext;
