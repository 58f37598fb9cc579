using System.CommandLine;
using System.Text.Json;

namespace Relay.Host.Commands;

/// <summary><c>relay queue</c>: what waits, for when and why. What changes it stands in <see cref="QueueActions"/>.</summary>
internal static class QueueCommand
{
    private static readonly Argument<string> What = new("LANE|MESSAGE") { Description = "A lane as 'relay queue list' names it (domain/account/class), or a message's id." };

    public static Command Create()
    {
        var command = new Command("queue", "Look at what waits to be delivered, and change it.")
        {
            new Command("list", "List destinations with mail waiting, the deepest first.").Asks(ListAsync),
            new Command("show", "Show what waits in a lane, or of a message.") { What, PageOptions.Limit, PageOptions.Cursor }.Asks(ShowAsync),
            new Command("nodes", "List the relays that share this queue, and what each owns of it.").Asks(ListNodesAsync),
            new Command("sites", "List the receivers with mail under way: how many connections each gets now, why, and until when.").Asks(ListSitesAsync),
            new Command("suspensions", "List what mail is kept waiting, and why.").Asks(SuspensionsAsync),
        };
        foreach (var action in QueueActions.Create())
        {
            command.Add(action);
        }

        return command;
    }

    private static async Task ListAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var queue = await relay.GetAsync("queue", cancellation);
        if (!print.Whole(queue))
        {
            Lanes(queue.Items("lanes"), "Nothing waits.");
            TellOfOthers(queue);
        }
    }

    private static void TellOfOthers(JsonElement queue)
    {
        if (queue.GetProperty("exact") is { ValueKind: JsonValueKind.False })
        {
            Printout.Note($"There are too many lanes to look at each: those that are due first, of {queue.Text("depth")} units in all.");
            return;
        }

        var shown = queue.Items("lanes").Sum(lane => (long)lane.Number("depth"));
        if (shown < queue.Number("depth"))
        {
            Printout.Note($"These are the {queue.Items("lanes").Count()} longest lanes, with {shown} of {queue.Text("depth")} units.");
        }
    }

    private static async Task ShowAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var what = parsed.GetRequiredValue(What);
        var isLane = what.Contains('/', StringComparison.Ordinal);
        var page = await relay.GetAsync(isLane ? $"queue/lanes/{PathOf(what)}{PageOptions.QueryOf(parsed)}" : $"queue/messages/{PathPart.Of(what)}", cancellation);
        if (print.Whole(page))
        {
            return;
        }

        if (Printout.IsTerminal && page.TryGetProperty("lane", out var lane) && lane.TryGetProperty("suspended", out var hold))
        {
            Console.WriteLine($"Suspended: {Held(hold)}");
        }

        Units(page.Items("items"), "Nothing waits.");
        PageOptions.TellMore(page);
    }

    private static async Task SuspensionsAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var suspensions = await relay.GetAsync("queue/suspensions", cancellation);
        if (!print.Whole(suspensions))
        {
            Printout.Table(
                ["id", "account", "domain", "class", "message", "since", "until", "by", "reason"],
                [.. suspensions.Items("items").Select(s => new[]
                {
                    s.Text("id"), s.Text("account"), s.Text("domain"), s.Text("class"), s.Text("message"),
                    s.Time("createdAt"), s.Time("until"), s.Text("by"), s.Text("reason"),
                })],
                "Nothing is suspended.");
        }
    }

    private static async Task ListNodesAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var nodes = await relay.GetAsync("queue/nodes", cancellation);
        if (print.Whole(nodes))
        {
            return;
        }

        Printout.Table(
            ["node", "name", "roles", "version", "since", "last seen", "partitions", "waiting"],
            [
                .. nodes.Items("items").Select(node => new[]
                {
                    node.Text("id"), node.Text("name"), string.Join(' ', node.Items("roles").SelectMany(Json.Texts)), node.Text("version"), node.Time("since"),
                    node.Time("lastSeen"), string.Join(' ', node.Items("partitions").Select(p => p.Text("number"))), node.Text("units"),
                }),
                .. nodes.Items("unowned").ToList() is { Count: > 0 } unowned
                    ? new[] { new[] { "(nobody)", "", "", "", "", "", string.Join(' ', unowned.SelectMany(Json.Texts)), "" } }
                    : [],
            ],
            "No node runs.");
    }

    private static async Task ListSitesAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var sites = await relay.GetAsync("queue/sites", cancellation);
        if (!print.Whole(sites))
        {
            Printout.Table(
                ["site", "node", "status", "open", "limit", "ceiling", "waiting", "per minute", "per connection", "until", "why"],
                [.. sites.Items("items").Select(site => new[]
                {
                    site.Text("site"), site.Text("node"), site.Text("status"), site.Text("connections"), site.Text("limit"),
                    site.Text("share") is { } share ? $"{share} of {site.Text("ceiling")}" : site.Text("ceiling"), site.Text("waiting"),
                    site.Text("rate") is { } rate ? $"{site.Text("perMinute")} (at most {rate})" : site.Text("perMinute"),
                    site.Text("messagesPerConnection"), site.Time("until"), site.Text("why"),
                })],
                "No mail is under way.");
        }
    }

    public static void Lanes(IEnumerable<JsonElement> lanes, string empty) => Printout.Table(
        ["lane", "waiting", "next due", "suspended"],
        [.. lanes.Select(lane => new[]
        {
            lane.Text("lane"), lane.Text("depth"), lane.Time("earliestDue"), lane.TryGetProperty("suspended", out var hold) ? Held(hold) : null,
        })],
        empty);

    public static void Units(IEnumerable<JsonElement> units, string empty) => Printout.Table(
        ["message", "recipients", "due", "attempts", "last reply"],
        [.. units.Select(unit => new[]
        {
            unit.Text("message"), string.Join(", ", unit.Items("recipients").SelectMany(Json.Texts)),
            unit.Time("dueAt"), unit.Text("attempts"), unit.Text("lastReply"),
        })],
        empty);

    private static string? Held(JsonElement hold) =>
        hold.ValueKind != JsonValueKind.Object ? null
        : hold.Time("until") is { } until ? $"{hold.Text("reason")} (until {until})"
        : hold.Text("reason");

    private static string PathOf(string lane) => string.Join('/', lane.Split('/').Select(PathPart.Of));
}
