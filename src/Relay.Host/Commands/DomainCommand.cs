using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Host.Commands;

/// <summary><c>relay domain</c>: the domains an account sends as, their records and keys.</summary>
internal static class DomainCommand
{
    private static readonly Argument<string> Name = new("NAME") { Description = "The domain: shop.example." };
    private static readonly Option<bool> Revoke = new("--revoke")
    {
        Description = "The present keys may be known to others: they sign nothing from now on.",
    };

    private static readonly Option<bool> Exact = new("--exact") { Description = "It covers itself alone, and not what is below it." };
    private static readonly Argument<string> Subdomains = new("POLICY") { Description = "allow: it covers all that is below it; exact: itself alone." };

    public static Command Create() => new("domain", "Add, verify and rotate sending domains.")
    {
        new Command("add", "Add a domain and print the records to publish.") { Name, Exact }.Asks(AddAsync),
        new Command("list", "List the account's domains.").Asks(ListAsync),
        new Command("show", "Show a domain's records as a zone file has them, and how each stands.") { Name }.Asks(ShowAsync),
        new Command("verify", "Look into the DNS now.") { Name }.Asks(VerifyAsync),
        new Command("rotate", "Make the next DKIM keys; they take over once their records are seen.") { Name, Revoke }.Asks(RotateAsync),
        new Command("subdomains", "Say whether it covers what is below it.") { Name, Subdomains }.Asks(SetSubdomainsAsync),
        new Command("remove", "Remove a domain: nothing is sent as it any more.") { Name }.Asks(RemoveAsync),
    };

    /// <summary>The receivers' checklist; the exit code tells whether any line is bad.</summary>
    public static async Task<int> CheckAsync(RelayClient relay, string domain, Printout print, CancellationToken cancellation)
    {
        // What is shown is of now: the DNS is looked at first.
        await relay.PostAsync($"{PathOf(domain)}/verify", "", cancellation);
        var checklist = await relay.GetAsync($"{PathOf(domain)}/checklist", cancellation);
        var lines = checklist.Items("items").ToList();
        if (!print.Whole(checklist))
        {
            Printout.Table(
                ["line", "state", "asked by", "requirement", "finding"],
                [.. lines.Select(line => new[] { line.Text("number"), line.Text("status"), line.Text("who"), line.Text("requirement"), line.Text("finding") })],
                "");
        }

        return lines.TrueForAll(line => line.Text("status") != "bad") ? ExitCode.Done : ExitCode.Refused;
    }

    private static async Task AddAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var wanted = new NewDomain(parsed.GetRequiredValue(Name), parsed.GetValue(Exact) ? "exact" : "allow");
        Show(await relay.PostAsync("domains", JsonSerializer.Serialize(wanted, DomainJson.Default.NewDomain), cancellation), print);
    }

    private static async Task ListAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var domains = await relay.GetAsync("domains", cancellation);
        if (!print.Whole(domains))
        {
            Printout.Table(
                ["name", "status", "id", "created", "last looked at"],
                [.. domains.Items("items").Select(d => new[] { d.Text("name"), d.Text("status"), d.Text("id"), d.Time("createdAt"), d.Time("checkedAt") })],
                "The account has no domains.");
        }
    }

    private static async Task ShowAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation) =>
        Show(await relay.GetAsync(PathOf(parsed.GetRequiredValue(Name)), cancellation), print);

    private static async Task VerifyAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation) =>
        Show(await relay.PostAsync($"{PathOf(parsed.GetRequiredValue(Name))}/verify", "", cancellation), print);

    private static async Task RotateAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation) =>
        Show(await relay.PostAsync($"{PathOf(parsed.GetRequiredValue(Name))}/rotate{(parsed.GetValue(Revoke) ? "?revoke=true" : "")}", "", cancellation), print);

    private static async Task SetSubdomainsAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var wanted = new NewSubdomains(parsed.GetRequiredValue(Subdomains));
        Show(
            await relay.PutAsync($"{PathOf(parsed.GetRequiredValue(Name))}/subdomains", JsonSerializer.Serialize(wanted, DomainJson.Default.NewSubdomains), cancellation),
            print);
    }

    private static async Task RemoveAsync(RelayClient relay, ParseResult parsed, Printout print, CancellationToken cancellation)
    {
        var name = parsed.GetRequiredValue(Name);
        await relay.DeleteAsync(PathOf(name), cancellation);
        if (Printout.IsTerminal && !print.IsJson)
        {
            Console.WriteLine($"{name} is removed.");
        }
    }

    // A record is there to be copied, and a table would break it: each stands on a line of its own.
    private static void Show(JsonElement domain, Printout print)
    {
        if (print.Whole(domain))
        {
            return;
        }

        Printout.Facts(
            ("domain", domain.Text("name")),
            ("id", domain.Text("id")),
            ("status", domain.Text("status")),
            ("subdomains", domain.Text("subdomains")),
            ("sent as until", domain.Time("sendsUntil")),
            ("last looked at", domain.Time("checkedAt")));
        foreach (var record in domain.Items("records"))
        {
            Console.WriteLine();
            Printout.Line($"; {record.Text("purpose")}, {(record.Text("required") == "true" ? "required" : "recommended")}, {record.Text("status")}: {record.Text("reason")}");
            Printout.Line($"; {record.Text("advice")}");
            Printout.Line(record.Text("zoneLine") ?? "");
        }

        foreach (var happened in domain.Items("events"))
        {
            Printout.Line($"; {happened.Time("time")} {happened.Text("type")} {happened.Text("text")}");
        }
    }

    private static string PathOf(string name) => $"domains/{PathPart.Of(name)}";

    internal sealed record NewDomain(string Name, string Subdomains);

    internal sealed record NewSubdomains(string Subdomains);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(DomainCommand.NewDomain))]
[JsonSerializable(typeof(DomainCommand.NewSubdomains))]
internal sealed partial class DomainJson : JsonSerializerContext;
