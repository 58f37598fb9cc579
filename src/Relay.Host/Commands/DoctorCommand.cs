using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Relay.Host.Commands;

/// <summary>
/// <c>relay doctor</c>: asks a running relay how it is, and knocks at each of its doors itself. Needs no key, so that a
/// container's health check can use it. With a domain it shows the receivers' checklist instead, with a destination how mail
/// would leave for it.
/// </summary>
internal static class DoctorCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly Option<bool> AsJson = new("--json") { Description = "Print the whole answer as JSON." };

    private static readonly Option<string?> Domain = new("--domain")
    {
        Description = "Show how this sending domain stands against what Gmail, Yahoo and Microsoft ask (needs a key).",
        HelpName = "D",
    };

    private static readonly Option<string?> Destination = new("--destination")
    {
        Description = "Show how mail to this domain would leave now: hosts, and what their TLS has to prove (needs the admin key).",
        HelpName = "D",
    };

    public static Command Create()
    {
        var command = new Command("doctor", "Check a running relay: its store, its doors, its certificate; a sending domain; or a destination.") { AsJson, Domain, Destination };
        command.SetAction(async (parsed, cancellation) =>
        {
            try
            {
                if (parsed.GetValue(Domain) is { } domain)
                {
                    using var relay = RelayClient.FromEnvironment();
                    return await DomainCommand.CheckAsync(relay, domain, new Printout(parsed.GetValue(AsJson)), cancellation);
                }

                if (parsed.GetValue(Destination) is { } destination)
                {
                    using var relay = RelayClient.FromEnvironment();
                    return await LookAtAsync(relay, destination, new Printout(parsed.GetValue(AsJson)), cancellation);
                }

                return await ExamineAsync(new Printout(parsed.GetValue(AsJson)), cancellation);
            }
            catch (CommandFailure failure)
            {
                Printout.Problem(failure.Message);
                return failure.ExitCode;
            }
        });
        return command;
    }

    private static async Task<int> LookAtAsync(RelayClient relay, string domain, Printout print, CancellationToken cancellation)
    {
        var found = await relay.GetAsync($"queue/destinations/{PathPart.Of(domain)}", cancellation);
        var reachable = found.Items("hosts").Any(host => host.Text("usable") == "true");
        if (!print.Whole(found))
        {
            Printout.Facts(
                ("way", found.Text("way")),
                ("trouble", found.Text("trouble")),
                ("proved by DNSSEC", found.Text("secure") == "true" ? "yes" : "no"),
                ("MTA-STS", found.Text("sts") ?? "none"),
                ("TLS reports to", string.Join(", ", found.Items("reports").SelectMany(Json.Texts))));
            Console.WriteLine();
            Printout.Table(
                ["host", "port", "addresses", "usable", "terms"],
                [
                    .. found.Items("hosts").Select(host => new[]
                    {
                        host.Text("name"), host.Text("port"), string.Join(", ", host.Items("addresses").SelectMany(Json.Texts)), host.Text("usable") == "true" ? "yes" : "no", host.Text("terms"),
                    }),
                ],
                "no host");
        }

        return reachable ? ExitCode.Done : ExitCode.Refused;
    }

    private static async Task<int> ExamineAsync(Printout print, CancellationToken cancellation)
    {
        var url = RelayClient.UrlFromEnvironment();
        var (healthy, readiness) = await AskAsync(url, cancellation);
        var visit = new DoorVisit(url, IsElsewhere(url, readiness), Patience);
        var doors = new List<DoorFinding>();
        foreach (var listener in readiness.Items("listeners").Where(l => l.Text("protocol") is "smtp" or "inbound"))
        {
            doors.Add(await visit.KnockAsync(listener, cancellation));
        }

        var exit = healthy && doors.TrueForAll(d => d.State != DoorFinding.Ill) ? ExitCode.Done : ExitCode.Unavailable;
        if (print.Whole(WithDoors(readiness, doors)))
        {
            return exit;
        }

        var store = readiness.GetProperty("store");
        Printout.Table(
            ["what", "how", "finding"],
            [
                [$"relay {url}", healthy ? DoorFinding.Well : DoorFinding.Ill, readiness.Text("status")],
                ["store", store.Text("answers") == "true" ? DoorFinding.Well : DoorFinding.Ill, PromiseOf(store)],
                .. LossesOf(store),
                .. store.Items("warnings").SelectMany(Json.Texts).Select(warning => new[] { "store", DoorFinding.Look, warning }),
                .. doors.Select(d => new[] { d.Door, d.State, d.Finding }),
            ],
            "");
        return exit;
    }

    // A port that a container's host passes on looks like one of its own.
    private static bool IsElsewhere(Uri url, JsonElement readiness) =>
        readiness.Text("machine") is { } machine ? machine != Environment.MachineName : !url.IsLoopback;

    // The relay's own answer, and beside it what was found from outside.
    private static JsonElement WithDoors(JsonElement readiness, IEnumerable<DoorFinding> doors)
    {
        var whole = JsonObject.Create(readiness)!;
        whole["doors"] = new JsonArray([.. doors.Select(d => new JsonObject { ["door"] = d.Door, ["state"] = d.State, ["finding"] = d.Finding })]);
        return JsonElement.Parse(whole.ToJsonString());
    }

    private static async Task<(bool Healthy, JsonElement Readiness)> AskAsync(Uri url, CancellationToken cancellation)
    {
        using var http = new HttpClient { BaseAddress = url, Timeout = Patience };
        try
        {
            using var response = await http.GetAsync("health/ready", cancellation);
            return (response.IsSuccessStatusCode, ReadinessIn(await response.Content.ReadAsByteArrayAsync(cancellation), url));
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            throw RelayClient.Unreachable(url, e);
        }
    }

    /// <summary>What a relay says of itself; whatever else answers, be it in JSON, is none.</summary>
    internal static JsonElement ReadinessIn(byte[] answer, Uri url)
    {
        try
        {
            var readiness = JsonElement.Parse(answer);
            if (readiness.ValueKind == JsonValueKind.Object && readiness.TryGetProperty("store", out var store) && store.ValueKind == JsonValueKind.Object)
            {
                return readiness;
            }
        }
        catch (JsonException)
        {
            // The same as any other answer.
        }

        throw new CommandFailure(ExitCode.Unavailable, $"what answers at {url} is no relay");
    }

    private static string PromiseOf(JsonElement store) =>
        store.Text("promise") is { } promise
            ? $"{promise}{(store.Text("declared") == "true" ? " (declared)" : "")}: {store.Text("sentence")}"
            : "its settings were not read yet";

    // What each accident would cost.
    private static IEnumerable<string[]> LossesOf(JsonElement store) =>
        store.TryGetProperty("losses", out var losses) && losses.ValueKind == JsonValueKind.Object
            ?
            [
                ["if the store is killed", "", losses.Text("processKill") ?? ""],
                ["if its machine crashes", "", losses.Text("machineCrash") ?? ""],
                ["if a replica takes over", "", losses.Text("failover") ?? ""],
            ]
            : [];
}
