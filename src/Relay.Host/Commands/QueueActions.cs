using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Host.Commands;

/// <summary><c>relay queue suspend | resume | retry | bounce</c>: each shows what it concerns and asks before it does it.</summary>
internal static partial class QueueActions
{
    private static readonly Option<string?> Account = new("--account") { Description = "Mail of this account, by its id." };
    private static readonly Option<string?> Domain = new("--domain") { Description = "Mail to recipients at this domain." };
    private static readonly Option<string?> Class = new("--class") { Description = "Mail of this class: transactional, bulk, or inbound (what comes in for a route, and reports)." };
    private static readonly Option<string?> Message = new("--message") { Description = "One message, by its id." };
    private static readonly Option<string?> Reason = new("--reason") { Description = "Why, for people: it is kept and shown wherever the effect shows." };
    private static readonly Option<string?> Until = new("--until") { Description = "When it ends by itself: a time (2026-03-01T18:00:00Z) or a while from now (90m, 12h, 2d)." };
    private static readonly Option<bool> Preview = new("--preview") { Description = "Show what it would concern, and do nothing." };
    private static readonly Option<bool> Yes = new("--yes") { Description = "Do not ask." };
    private static readonly Argument<string?> Id = new("ID") { Description = "The suspension, by its id; or say what was suspended with the options.", Arity = ArgumentArity.ZeroOrOne };

    public static IEnumerable<Command> Create() =>
    [
        new Command("suspend", "Keep mail waiting. What is being sent ends; expiry goes on.") { Account, Domain, Class, Message, Reason, Until, Preview, Yes }
            .Asks((relay, parsed, print, cancellation) => ActAsync(relay, parsed, print, "suspensions", "Suspend", cancellation)),
        new Command("resume", "Let suspended mail go on.") { Id, Account, Domain, Class, Message, Preview, Yes }.Asks(ResumeAsync),
        new Command("retry", "Try now what was put off.") { Account, Domain, Class, Message, Reason, Preview, Yes }
            .Asks((relay, parsed, print, cancellation) => ActAsync(relay, parsed, print, "retry", "Try now", cancellation)),
        new Command("bounce", "End mail as failed, with a report to its sender.") { Account, Domain, Class, Message, Reason, Preview, Yes }
            .Asks((relay, parsed, print, cancellation) => ActAsync(relay, parsed, print, "bounce", "Bounce", cancellation)),
    ];

    private static async Task ActAsync(RelayClient relay, ParseResult parsed, Printout print, string path, string verb, CancellationToken cancellation)
    {
        var request = new QueueRequest(
            parsed.GetValue(Account), parsed.GetValue(Domain), parsed.GetValue(Class), parsed.GetValue(Message),
            parsed.GetValue(Reason), path == "suspensions" ? Moment.Find("--until", parsed.GetValue(Until)) : null);
        var body = JsonSerializer.Serialize(request, QueueJson.Default.QueueRequest);
        if (path != "retry" && string.IsNullOrWhiteSpace(request.Reason) && !parsed.GetValue(Preview))
        {
            throw new CommandFailure(ExitCode.Usage, "say why with --reason: it is kept and shown wherever the effect shows");
        }

        if (parsed.GetValue(Preview) || !parsed.GetValue(Yes))
        {
            var preview = await relay.PostAsync($"queue/{path}?preview=true", body, cancellation);
            if (parsed.GetValue(Preview))
            {
                Show(preview, print);
                return;
            }

            Confirm([preview], verb, print);
        }

        var done = await relay.PostAsync($"queue/{path}", body, cancellation);
        if (!print.Whole(done))
        {
            Console.WriteLine(path == "suspensions" ? done.Text("id")
                : done.Text("status") == "done" ? $"{done.Text("units")} done."
                : $"{done.Text("units")} done so far; the rest follows.");
        }
    }

    private static async Task ResumeAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var all = await relay.GetAsync("queue/suspensions", cancellation);
        var wanted = Meant([.. all.Items("items")], parsed);
        if (wanted.Count == 0)
        {
            throw new CommandFailure(ExitCode.Refused, "no such suspension; 'relay queue suspensions' lists them");
        }

        if (parsed.GetValue(Preview) || !parsed.GetValue(Yes))
        {
            var previews = new List<JsonElement>();
            foreach (var suspension in wanted)
            {
                previews.Add(await relay.PostAsync("queue/suspensions?preview=true", SelectorOf(suspension), cancellation));
            }

            if (parsed.GetValue(Preview))
            {
                previews.ForEach(preview => Show(preview, print));
                return;
            }

            Confirm(previews, "Let go on", print);
        }

        foreach (var suspension in wanted)
        {
            await relay.DeleteAsync($"queue/suspensions/{PathPart.Of(suspension.Text("id")!)}", cancellation);
            if (Printout.IsTerminal && !print.IsJson)
            {
                Console.WriteLine($"{suspension.Text("id")} is lifted ({suspension.Text("reason")}).");
            }
        }
    }

    private static string SelectorOf(JsonElement suspension) => JsonSerializer.Serialize(
        new QueueRequest(suspension.Text("account"), suspension.Text("domain"), suspension.Text("class"), suspension.Text("message"), null, null),
        QueueJson.Default.QueueRequest);

    // Exactly what was suspended: lifting a domain's suspension leaves that of one of its lanes. Whoever has one account need
    // not name it, though each of its suspensions does.
    private static List<JsonElement> Meant(List<JsonElement> suspensions, ParseResult parsed)
    {
        if (parsed.GetValue(Id) is { } id)
        {
            return [.. suspensions.Where(s => s.Text("id") == id)];
        }

        var (account, domain, @class, message) = (parsed.GetValue(Account), parsed.GetValue(Domain), parsed.GetValue(Class), parsed.GetValue(Message));
        if (account is null && domain is null && @class is null && message is null)
        {
            throw new CommandFailure(ExitCode.Usage, "say what to resume: an id, or the --account, --domain, --class or --message that was suspended");
        }

        var byAccount = suspensions
            .Where(s => string.Equals(s.Text("domain"), domain, StringComparison.OrdinalIgnoreCase) && s.Text("class") == @class && s.Text("message") == message)
            .ToLookup(s => s.Text("account"));
        return account is null && !byAccount.Contains(null) && byAccount.Count == 1 ? [.. byAccount.Single()] : [.. byAccount[account]];
    }

    private static void Show(JsonElement preview, Printout print)
    {
        if (print.Whole(preview))
        {
            return;
        }

        Console.WriteLine($"{Count(preview)}.");
        QueueCommand.Lanes(preview.Items("lanes"), "No lane.");
        Units(preview, "Nothing waits now; what comes may.");
    }

    // On stderr, so that a pipe gets the answer alone.
    private static void Confirm(IReadOnlyList<JsonElement> previews, string verb, Printout print)
    {
        if (Printout.IsTerminal && !print.IsJson)
        {
            foreach (var preview in previews)
            {
                QueueCommand.Lanes(preview.Items("lanes"), "No lane has mail of it now.");
                Units(preview, "Nothing waits now.");
            }
        }

        Console.Error.Write($"{verb}: {string.Join(" and ", previews.Select(Count))}? [y/N] ");
        var answer = Console.In.ReadLine();
        if (answer?.Trim().ToLowerInvariant() is not ("y" or "yes"))
        {
            throw new CommandFailure(ExitCode.Refused, "nothing was done; say y, or --yes beforehand");
        }
    }

    private static void Units(JsonElement preview, string empty)
    {
        QueueCommand.Units(preview.Items("items"), empty);
        if (preview.Items("items").Count() is > 0 and var shown && shown < preview.Number("units"))
        {
            Printout.Note($"Shown are {shown} of them.");
        }
    }

    private static string Count(JsonElement preview) =>
        $"{(preview.Text("exact") == "false" ? "up to " : "")}{preview.Text("units")} waiting {(preview.Text("units") == "1" ? "unit" : "units")}";

    internal sealed record QueueRequest(string? Account, string? Domain, string? Class, string? Message, string? Reason, DateTimeOffset? Until);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonSerializable(typeof(QueueRequest))]
    private sealed partial class QueueJson : JsonSerializerContext;
}
