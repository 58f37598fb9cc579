using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Host.Commands;

/// <summary><c>relay template</c>: what mail is written from, kept in files of one's own and put where the relay finds it.</summary>
internal static class TemplateCommand
{
    private static readonly Argument<string> Name = new("NAME") { Description = "For people: Receipt." };
    private static readonly Argument<string> Id = new("ID") { Description = "The template's id, as 'relay template list' shows it." };
    private static readonly Option<string?> NewName = new("--name") { Description = "What it is called from now on." };
    private static readonly Option<string?> Subject = new("--subject") { Description = "The subject, in Handlebars: \"Your order {{order.number}}\"." };
    private static readonly Option<string?> TextFile = new("--text-file") { Description = "A file with the text, in Handlebars; - for standard input.", HelpName = "FILE" };
    private static readonly Option<string?> HtmlFile = new("--html-file") { Description = "A file with the HTML, in Handlebars; - for standard input.", HelpName = "FILE" };
    private static readonly Option<bool?> Strict = new("--strict") { Description = "Whether mail that lacks a variable is refused, instead of sent with a gap." };
    private static readonly Option<string?> Variables = new("--variables") { Description = "A file with a JSON object; - for standard input.", HelpName = "FILE" };
    private static readonly Option<bool> TextOnly = new("--text") { Description = "The text alone, as it is." };
    private static readonly Option<bool> HtmlOnly = new("--html") { Description = "The HTML alone, as it is." };

    public static Command Create() => new("template", "Make templates that mail is written from.")
    {
        new Command("create", "Make a template of files and print its id.") { Name, Subject, TextFile, HtmlFile, Strict }.Asks(CreateAsync),
        new Command("put", "Make the next version of a template; what is not given stays.") { Id, NewName, Subject, TextFile, HtmlFile, Strict }.Asks(PutAsync),
        new Command("list", "List the account's templates.") { PageOptions.Limit, PageOptions.Cursor }.Asks(ListAsync),
        new Command("show", "Show a template.") { Id, TextOnly, HtmlOnly }.Asks(ShowAsync),
        new Command("preview", "Show how mail would be written with these variables; nothing is sent.") { Id, Variables, TextOnly, HtmlOnly }.Asks(PreviewAsync),
        new Command("remove", "Remove a template.") { Id }.Asks(RemoveAsync),
    };

    private static async Task CreateAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var (text, html) = await ReadSourcesAsync(parsed, cancellation);
        var wanted = new NewTemplate(
            parsed.GetRequiredValue(Name),
            parsed.GetValue(Subject),
            text,
            html,
            parsed.GetValue(Strict) ?? false);
        var made = await relay.PostAsync("templates", JsonSerializer.Serialize(wanted, TemplateJson.Default.NewTemplate), cancellation);
        if (!print.Whole(made))
        {
            // The id alone into a pipe: a script wants nothing else.
            Printout.Line(Printout.IsTerminal ? $"{made.Text("name")} is {made.Text("id")}." : made.Text("id") ?? "");
        }
    }

    private static async Task PutAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var (name, subject, strict) = (parsed.GetValue(NewName), parsed.GetValue(Subject), parsed.GetValue(Strict));
        var (text, html) = await ReadSourcesAsync(parsed, cancellation);
        if ((name ?? subject ?? text ?? html) is null && strict is null)
        {
            throw new CommandFailure(ExitCode.Usage, "give what is to change: --name, --subject, --text-file, --html-file or --strict");
        }

        // The relay takes all of it at once.
        var known = await relay.GetAsync(PathOf(parsed), cancellation);
        var wanted = new NewTemplate(
            name ?? known.Text("name"), subject ?? known.Text("subject"), text ?? known.Text("text"), html ?? known.Text("html"), strict ?? known.Text("strict") == "true");
        var changed = await relay.PutAsync(PathOf(parsed), JsonSerializer.Serialize(wanted, TemplateJson.Default.NewTemplate), cancellation);
        if (!print.Whole(changed))
        {
            Printout.Facts(("id", changed.Text("id")), ("name", changed.Text("name")), ("version", changed.Text("version")));
        }
    }

    private static async Task ListAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var page = await relay.GetAsync($"templates{PageOptions.QueryOf(parsed)}", cancellation);
        if (!print.Whole(page))
        {
            Printout.Table(
                ["id", "name", "version", "subject", "changed"],
                [.. page.Items("items").Select(t => new[] { t.Text("id"), t.Text("name"), t.Text("version"), t.Text("subject"), t.Time("changedAt") })],
                "The account has no templates.");
            PageOptions.TellMore(page);
        }
    }

    private static async Task ShowAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var template = await relay.GetAsync(PathOf(parsed), cancellation);
        if (!print.Whole(template) && !TryShowPart(template, parsed))
        {
            Printout.Facts(
                ("id", template.Text("id")),
                ("name", template.Text("name")),
                ("version", template.Text("version")),
                ("strict", template.Text("strict")),
                ("created", template.Time("createdAt")),
                ("changed", template.Time("changedAt")));
            ShowParts(template);
        }
    }

    private static async Task PreviewAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var variables = await SourceFile.ReadAsync(Variables.Name, parsed.GetValue(Variables), cancellation);
        var seen = await relay.PostAsync($"{PathOf(parsed)}/preview", variables is null ? "{}" : $"{{\"variables\":{RequireObject(variables)}}}", cancellation);
        foreach (var missing in seen.Items("missing").SelectMany(Json.Texts))
        {
            Printout.Problem($"{missing} was not given");
        }

        if (!print.Whole(seen) && !TryShowPart(seen, parsed))
        {
            ShowParts(seen);
        }
    }

    private static async Task RemoveAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        await relay.DeleteAsync(PathOf(parsed), cancellation);
        if (Printout.IsTerminal && !print.IsJson)
        {
            Printout.Line($"{parsed.GetRequiredValue(Id)} is removed.");
        }
    }

    private static async Task<(string? Text, string? Html)> ReadSourcesAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var (text, html) = (parsed.GetValue(TextFile), parsed.GetValue(HtmlFile));
        if (text == SourceFile.StandardInput && html == SourceFile.StandardInput)
        {
            // It can be read once: the other would be empty.
            throw new CommandFailure(ExitCode.Usage, $"{TextFile.Name} and {HtmlFile.Name} cannot both be standard input");
        }

        return (await SourceFile.ReadAsync(TextFile.Name, text, cancellation), await SourceFile.ReadAsync(HtmlFile.Name, html, cancellation));
    }

    // The text itself, so that a file or a browser gets it as it is.
    private static bool TryShowPart(JsonElement template, ParseResult parsed)
    {
        if (!parsed.GetValue(TextOnly) && !parsed.GetValue(HtmlOnly))
        {
            return false;
        }

        var part = parsed.GetValue(HtmlOnly) ? "html" : "text";
        Console.Out.Write(template.Text(part) ?? throw new CommandFailure(ExitCode.Refused, $"the template has no {part}"));
        return true;
    }

    private static void ShowParts(JsonElement template)
    {
        foreach (var part in (string[])["subject", "text", "html"])
        {
            if (template.Text(part) is { } words)
            {
                Printout.Line("");
                Printout.Line($"-- {part}");
                foreach (var line in words.ReplaceLineEndings("\n").Split('\n'))
                {
                    Printout.Line(line);
                }
            }
        }
    }

    private static string RequireObject(string variables)
    {
        try
        {
            using var document = JsonDocument.Parse(variables);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.GetRawText()
                : throw new CommandFailure(ExitCode.Usage, "--variables must be a JSON object");
        }
        catch (JsonException e)
        {
            throw new CommandFailure(ExitCode.Usage, $"--variables is not JSON: {e.Message}");
        }
    }

    private static string PathOf(ParseResult parsed) => $"templates/{PathPart.Of(parsed.GetRequiredValue(Id))}";

    internal sealed record NewTemplate(string? Name, string? Subject, string? Text, string? Html, bool Strict);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(TemplateCommand.NewTemplate))]
internal sealed partial class TemplateJson : JsonSerializerContext;
