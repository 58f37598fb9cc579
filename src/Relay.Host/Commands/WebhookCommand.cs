using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Host.Commands;

/// <summary><c>relay webhook</c>: where an account is told what happens to its mail.</summary>
internal static class WebhookCommand
{
    private static readonly Argument<string> Place = new("URL") { Description = "Where each event is posted to: https://shop.example/mail-events." };
    private static readonly Argument<string> Id = new("ID") { Description = "The webhook's id, as 'relay webhook list' shows it." };
    private static readonly Option<string[]> Event = new("--event") { Description = "A kind of event that it is told of, such as bounced; may be given several times. All of them if none is named.", HelpName = "KIND" };
    private static readonly Option<string?> Url = new("--url") { Description = "Where it leads from now on." };
    private static readonly Option<bool> AllEvents = new("--all-events") { Description = "It is told of all kinds." };
    private static readonly Option<string?> Message = new("--message") { Description = "What happened to this message, by its id.", HelpName = "ID" };
    private static readonly Option<string?> Since = new("--since") { Description = "What happened to messages accepted from then on: a time like 2026-03-01T18:00:00Z, or 2h for two hours ago." };
    private static readonly Option<string?> Until = new("--until") { Description = "And until then; now without it." };

    // What waits gives way to what comes behind it, beyond 50,000 messages unless that is set otherwise: a part of a replay, up to
    // 10,000, is asked for only where it finds room beside it.
    private const int FewWaiting = 10_000;

    // A part is some minutes' work for most programs.
    private static readonly TimeSpan NextLook = TimeSpan.FromSeconds(1);

    public static Command Create() => new("webhook", "Be told what happens to mail, as it happens.")
    {
        new Command("add", "Add a webhook and print its secret, this once.") { Place, Event }.Asks(AddAsync),
        new Command("list", "List the account's webhooks.").Asks(ListAsync),
        new Command("show", "Show a webhook, and how it stands: what waits, what was taken, what was said last.") { Id }.Asks(ShowAsync),
        new Command("change", "Change where it leads or what it is told of; what is not given stays.") { Id, Url, Event, AllEvents }.Asks(ChangeAsync),
        new Command("rotate", "Make a new secret and print it, this once; for a day posts are signed with the one before, too.") { Id }.Asks(RotateAsync),
        new Command("test", "Send it an event of the type webhook.test, and print the webhook-id with which it comes.") { Id }.Asks(TestAsync),
        new Command("replay", "Send again what is kept of a message, or of all that were accepted in a time.") { Id, Message, Since, Until }.Asks(ReplayAsync),
        new Command("remove", "Remove a webhook, and what waits for it.") { Id }.Asks(RemoveAsync),
    };

    private static async Task AddAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var wanted = new NewWebhook(parsed.GetRequiredValue(Place), GivenEvents(parsed));
        Show(await relay.PostAsync("webhooks", JsonSerializer.Serialize(wanted, WebhookJson.Default.NewWebhook), cancellation), print);
    }

    private static async Task ListAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var webhooks = await relay.GetAsync("webhooks", cancellation);
        if (!print.Whole(webhooks))
        {
            Printout.Table(
                ["id", "url", "events", "created"],
                [.. webhooks.Items("items").Select(webhook => new[] { webhook.Text("id"), webhook.Text("url"), EventsOf(webhook), webhook.Time("createdAt") })],
                "The account has no webhooks.");
        }
    }

    private static async Task ShowAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation) =>
        Show(await relay.GetAsync(PathOf(parsed), cancellation), print);

    private static async Task ChangeAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var (url, events, all) = (parsed.GetValue(Url), GivenEvents(parsed), parsed.GetValue(AllEvents));
        if ((url is null && events is null && !all) || (events is not null && all))
        {
            throw new CommandFailure(ExitCode.Usage, "give --url, and --event or --all-events, or one of them");
        }

        // The relay takes all of it at once.
        var known = await relay.GetAsync(PathOf(parsed), cancellation);
        var wanted = new NewWebhook(
            url ?? known.Text("url"),
            all ? null : events ?? (known.Items("events").SelectMany(Json.Texts).ToArray() is { Length: > 0 } before ? before : null));
        Show(await relay.PutAsync(PathOf(parsed), JsonSerializer.Serialize(wanted, WebhookJson.Default.NewWebhook), cancellation), print);
    }

    private static async Task RotateAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation) =>
        Show(await relay.PostAsync($"{PathOf(parsed)}/rotate", "", cancellation), print);

    private static async Task TestAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var sent = await relay.PostAsync($"{PathOf(parsed)}/test", "", cancellation);
        if (!print.Whole(sent))
        {
            Printout.Line(Printout.IsTerminal
                ? $"It is under way as {sent.Text("id")}; 'relay webhook show {parsed.GetRequiredValue(Id)}' tells whether it was taken."
                : sent.Text("id") ?? "");
        }
    }

    private static async Task ReplayAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var wanted = new Replay(
            parsed.GetValue(Message),
            parsed.GetValue(Since) is { } since ? Moment.ReadPast("--since", since) : null,
            parsed.GetValue(Until) is { } until ? Moment.ReadPast("--until", until) : null);
        if (wanted is { Message: null, Since: null })
        {
            throw new CommandFailure(ExitCode.Usage, "give --message, or --since");
        }

        // The relay takes a part of a long time, and says where to go on.
        var messages = 0;
        var isOfTime = wanted.Message is null;
        var before = isOfTime ? await StandingAsync(relay, parsed, cancellation) : default;
        for (DateTimeOffset? next = null; ; wanted = wanted with { Since = next })
        {
            var answer = isOfTime ? await ReplayPartAsync(relay, parsed, wanted, cancellation) : await PostAsync(relay, parsed, wanted, cancellation);
            messages += answer.Number("messages");
            var more = DateTimeOffset.TryParse(answer.Text("next"), CultureInfo.InvariantCulture, DateTimeStyles.None, out var time);
            if (!more || time == wanted.Since)
            {
                break;
            }

            next = time;
            if (Printout.IsTerminal && !print.IsJson)
            {
                Printout.Line($"{messages} messages so far");
            }
        }

        if (!print.Whole(JsonSerializer.SerializeToElement(new Replayed(messages), WebhookJson.Default.Replayed)))
        {
            Printout.Line(Printout.IsTerminal ? $"What happened to {messages} messages is sent again." : messages.ToString(CultureInfo.InvariantCulture));
        }

        var after = isOfTime ? await StandingAsync(relay, parsed, cancellation) : default;
        var dropped = after.Number("dropped") - before.Number("dropped");
        if (dropped > 0)
        {
            throw new CommandFailure(ExitCode.Refused, $"meanwhile more waited than is kept: the events of {dropped} messages gave way, and were not sent");
        }
    }

    private static Task<JsonElement> PostAsync(RelayClient relay, ParseResult parsed, Replay wanted, CancellationToken cancellation) =>
        relay.PostAsync($"{PathOf(parsed)}/replay", JsonSerializer.Serialize(wanted, WebhookJson.Default.Replay), cancellation);

    // What waits may stand where there is no room for the part, though there is elsewhere.
    private static async Task<JsonElement> ReplayPartAsync(RelayClient relay, ParseResult parsed, Replay wanted, CancellationToken cancellation)
    {
        for (var isTold = false; ; isTold = true)
        {
            var standing = await WaitForRoomAsync(relay, parsed, wanted.Since, cancellation);
            try
            {
                return await PostAsync(relay, parsed, wanted, cancellation);
            }
            catch (CommandFailure full) when (full.IsConflict)
            {
                ThrowIfFailing(standing, wanted.Since);
                if (!isTold)
                {
                    Printout.Problem($"{full.Message}; it is asked again until there is");
                }
            }

            await Task.Delay(NextLook, cancellation);
        }
    }

    private static async Task<JsonElement> WaitForRoomAsync(RelayClient relay, ParseResult parsed, DateTimeOffset? since, CancellationToken cancellation)
    {
        for (var isTold = false; ; isTold = true)
        {
            var standing = await StandingAsync(relay, parsed, cancellation);
            var waiting = standing.Number("waiting");
            if (waiting <= FewWaiting)
            {
                return standing;
            }

            ThrowIfFailing(standing, since);
            if (!isTold)
            {
                Printout.Problem($"{waiting} messages wait for it; what is from {since:O} on follows when {FewWaiting} do");
            }

            await Task.Delay(NextLook, cancellation);
        }
    }

    private static void ThrowIfFailing(JsonElement standing, DateTimeOffset? since)
    {
        if (standing.Text("state") == "failing")
        {
            throw new CommandFailure(
                ExitCode.Unavailable, $"{standing.Text("waiting")} messages wait for it and it takes none ({standing.Text("lastError")}); when it does, go on with --since {since:O}");
        }
    }

    private static async Task<JsonElement> StandingAsync(RelayClient relay, ParseResult parsed, CancellationToken cancellation) =>
        (await relay.GetAsync(PathOf(parsed), cancellation)).Member("standing") ?? default;

    private static async Task RemoveAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        await relay.DeleteAsync(PathOf(parsed), cancellation);
        if (Printout.IsTerminal && !print.IsJson)
        {
            Printout.Line($"{parsed.GetRequiredValue(Id)} is removed.");
        }
    }

    private static void Show(JsonElement webhook, Printout print)
    {
        if (print.Whole(webhook))
        {
            return;
        }

        var standing = webhook.Member("standing") ?? default;
        Printout.Facts(
            ("id", webhook.Text("id")),
            ("url", webhook.Text("url")),
            ("events", EventsOf(webhook)),
            ("created", webhook.Time("createdAt")),
            ("secret, shown this once", webhook.Text("secret")),
            ("signed with the former until", webhook.Time("formerSecretUntil")),
            ("state", standing.Text("state")),
            ("failing since", standing.Time("failingSince")),
            ("last error", standing.Text("lastError")),
            ("last failed", standing.Time("lastFailed")),
            ("last taken", standing.Time("lastTaken")),
            ("messages waiting", standing.Text("waiting")),
            ("waiting since", standing.Time("oldest")),
            ("events taken", standing.Text("taken")),
            ("events given up", standing.Text("givenUp")),
            ("messages dropped", standing.Text("dropped")));
    }

    private static string EventsOf(JsonElement webhook) => webhook.Items("events").SelectMany(Json.Texts).ToList() is { Count: > 0 } events ? string.Join(' ', events) : "all";

    private static string[]? GivenEvents(ParseResult parsed) => parsed.GetValue(Event) is { Length: > 0 } given ? given : null;

    private static string PathOf(ParseResult parsed) => $"webhooks/{PathPart.Of(parsed.GetRequiredValue(Id))}";

    internal sealed record NewWebhook(string? Url, string[]? Events);

    internal sealed record Replay(string? Message, DateTimeOffset? Since, DateTimeOffset? Until);

    /// <summary>The answers to all parts of a time, put together.</summary>
    internal sealed record Replayed(int Messages);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(WebhookCommand.NewWebhook))]
[JsonSerializable(typeof(WebhookCommand.Replay))]
[JsonSerializable(typeof(WebhookCommand.Replayed))]
internal sealed partial class WebhookJson : JsonSerializerContext;
