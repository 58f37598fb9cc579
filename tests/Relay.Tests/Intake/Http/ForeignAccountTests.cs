using System.Net;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Suppressions;
using Relay.Smtp.Addresses;

namespace Relay.Tests.Intake.Http;

/// <summary>
/// Every route that the description names, called with the ids of another account: there is no such thing. A route that is new
/// fails here until it is said what a stranger would give it.
/// </summary>
public sealed class ForeignAccountTests
{
    private const string Secret = "a secret of the shop";

    // Nothing of anybody's is named in these: they make something of the caller's own, or list it.
    private static readonly HashSet<string> OwnOnly =
    [
        "POST /send", "POST /send/batch", "GET /messages", "GET /inbox", "POST /keys", "GET /keys", "GET /limits", "POST /domains", "GET /domains", "POST /senders", "GET /senders",
        "POST /routes", "GET /routes", "POST /templates", "GET /templates", "POST /webhooks", "GET /webhooks",
        "GET /suppressions", "GET /suppressions/export", "POST /suppressions", "POST /suppressions/import", "GET /stats", "GET /queue", "GET /queue/suspensions",
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whatever_a_stranger_names_of_anothers_is_not_there_and_nothing_of_it_changes()
    {
        await using var api = await ApiUnderTest.StartAsync(("Http:PublicUrl", "https://relay.test"));
        var owned = await OwnSomethingAsync(api);
        var stranger = await api.KeyAsync("stranger");
        var before = await SeenByOwnerAsync(api);

        var routes = await RoutesAsync(api);
        Assert.True(routes.Count > 30, "the description names fewer routes than there are");
        foreach (var (method, route) in routes)
        {
            if (await IsAdminsAsync(api, method, route, stranger))
            {
                continue;
            }

            if (OwnOnly.Contains($"{method} {route}"))
            {
                if (method == "GET")
                {
                    var answer = await api.CallAsync(HttpMethod.Get, route, null, stranger);
                    Assert.True(answer.Status == HttpStatusCode.OK, $"{route}: {answer.Status} {answer.Text}");
                    Assert.All(owned.Values.Append(Secret), mark => Assert.DoesNotContain(mark, answer.Text, StringComparison.OrdinalIgnoreCase));
                }
            }
            else if (route is "/queue/retry" or "/queue/bounce" or "/queue/suspensions")
            {
                await RefusesForeignMailAsync(api, route, owned, stranger);
            }
            else
            {
                var answer = await api.CallAsync(new HttpMethod(method), Fill(route, owned), BodyOf(method), stranger);
                Assert.True(answer.Status == HttpStatusCode.NotFound, $"{method} {route}: {answer.Status} {answer.Text}");
                answer.IsProblem(HttpStatusCode.NotFound);
            }
        }

        Assert.Equal(before, await SeenByOwnerAsync(api));
    }

    [Fact]
    public async Task The_same_names_are_there_for_their_owner()
    {
        await using var api = await ApiUnderTest.StartAsync(("Http:PublicUrl", "https://relay.test"));
        var owned = await OwnSomethingAsync(api);

        foreach (var (method, route) in (await RoutesAsync(api)).Where(r => r.Method == "GET" && r.Route.Contains('{', StringComparison.Ordinal)))
        {
            if (await IsAdminsAsync(api, method, route, api.Key))
            {
                continue;
            }

            var answer = await api.GetAsync(Fill(route, owned));
            Assert.True(answer.Status == HttpStatusCode.OK, $"{method} {route}: {answer.Status} {answer.Text}");
        }
    }

    [Fact]
    public async Task A_strangers_idempotency_key_is_another_one()
    {
        await using var api = await ApiUnderTest.StartAsync(("Bootstrap:RequireVerifiedDomains", "false"));
        var stranger = await api.KeyAsync("stranger");
        const string Mail = """{ "from": "a@shop.test", "to": "b@there.test", "text": "x" }""";
        var first = await api.PostAsync("/send", Mail, null, ("Idempotency-Key", "order-1"));

        var second = await api.PostAsync("/send", Mail, stranger, ("Idempotency-Key", "order-1"));

        Assert.Equal(HttpStatusCode.Accepted, second.Status);
        Assert.False(second.Headers.ContainsKey("Idempotent-Replayed"));
        Assert.NotEqual(first.String("id"), second.String("id"));
    }

    [Theory]
    [InlineData("/messages")]
    [InlineData("/suppressions")]
    public async Task A_place_in_anothers_list_leads_to_nothing_of_it(string list)
    {
        await using var api = await ApiUnderTest.StartAsync();
        for (var i = 0; i < 3; i++)
        {
            await api.SendWithAsync(("to", $"u{i}@foreign.test"));
            await api.PostAsync("/suppressions", $$"""{ "email": "gone{{i}}@foreign.test" }""");
            api.Stores.Time.Advance(TimeSpan.FromSeconds(1));
        }

        var place = Uri.EscapeDataString((await api.GetAsync($"{list}?limit=1")).String("next"));
        var own = await api.GetAsync($"{list}?limit=1&cursor={place}");
        var strangers = await api.GetAsync($"{list}?limit=1&cursor={place}", await api.KeyAsync("stranger"));

        Assert.Single(own.Json.GetProperty("items").EnumerateArray());
        Assert.Equal(HttpStatusCode.OK, strangers.Status);
        Assert.Empty(strangers.Json.GetProperty("items").EnumerateArray());
    }

    [Fact]
    public async Task A_stranger_sends_as_nothing_of_anothers()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.Stores.Senders.TryAddAsync(new VerifiedSender("snd_1", "shop", "ada@mail.test", api.Stores.Time.GetUtcNow()) { VerifiedAt = api.Stores.Time.GetUtcNow() }, Cancellation);
        var stranger = await api.KeyAsync("stranger");

        foreach (var from in new[] { "a@shop.test", "a@below.shop.test", "ada@mail.test" })
        {
            (await api.PostAsync("/send", $$"""{ "from": "{{from}}", "to": "b@there.test", "text": "x" }""", stranger)).Names(HttpStatusCode.Forbidden, "from");
        }
    }

    private static async Task<List<(string Method, string Route)>> RoutesAsync(ApiUnderTest api)
    {
        var description = (await api.GetAsync("/openapi/v1.json")).Json;
        return [.. description.GetProperty("paths").EnumerateObject()
            // Of whoever holds the link, and takes no key: what is in it can be neither read nor guessed.
            .Where(path => path.Name != "/unsubscribe/{token}")
            .SelectMany(path => path.Value.EnumerateObject().Select(operation => (operation.Name.ToUpperInvariant(), path.Name)))];
    }

    private static async Task<Dictionary<string, string>> OwnSomethingAsync(ApiUnderTest api)
    {
        var (stores, test) = (api.Stores, await api.KeyAsync("shop", MessageMode.Test));
        var message = (await api.SendWithAsync(("subject", Secret), ("to", "waiting@foreign.test"))).String("id");
        var captured = (await api.PostAsync("/send", $$"""{ "from": "a@shop.test", "to": "b@inbox.test", "subject": "{{Secret}}", "text": "x" }""", test)).String("id");
        Assert.True(MessageId.TryParse(captured, out var id));
        await stores.Inbox.CaptureAsync(stores.Queue.Accepted.Single(m => m.Id == id), Cancellation);
        await stores.Suppressions.AddAsync(
            "shop", [new Suppression { Address = Suppression.KeyOf(EnvelopeAddress.Parse("gone@foreign.test")), Reason = SuppressionReason.Manual, Since = stores.Time.GetUtcNow(), Words = Secret }], Cancellation);
        var key = (await api.PostAsync("/keys", $$"""{ "name": "{{Secret}}" }""")).String("id");
        var suspension = (await api.PostAsync("/queue/suspensions", $$"""{ "domain": "later.test", "reason": "{{Secret}}" }""")).String("id");
        var sender = (await api.PostAsync("/senders", """{ "email": "ada@foreign.test" }""")).String("id");
        var inbound = (await api.PostAsync("/routes", """{ "match": "help.shop.test", "forwardTo": "desk@foreign.test" }""")).String("id");
        var template = (await api.PostAsync("/templates", $$"""{ "name": "{{Secret}}", "text": "{{Secret}}" }""")).String("id");
        var webhook = (await api.PostAsync("/webhooks", $$"""{ "url": "https://hooks.shop.test/{{Uri.EscapeDataString(Secret)}}" }""")).String("id");
        return new()
        {
            ["/templates/{id}"] = template,
            ["/webhooks/{id}"] = webhook,
            ["/routes/{id}"] = inbound,
            ["/messages/{id}"] = message,
            ["/queue/messages/{id}"] = message,
            ["/inbox/{id}"] = captured,
            ["/keys/{id}"] = key,
            ["/domains/{id}"] = "dom_1",
            ["/senders/{id}"] = sender,
            ["/suppressions/{email}"] = "gone@foreign.test",
            ["/queue/suspensions/{id}"] = suspension,
            ["/queue/lanes/{domain}"] = "foreign.test",
        };
    }

    // Such a route tells nobody else anything, whatever is named in it.
    private static async Task<bool> IsAdminsAsync(ApiUnderTest api, string method, string route, string key)
    {
        var answer = await api.CallAsync(new HttpMethod(method), route.Replace("{", "", StringComparison.Ordinal).Replace("}", "", StringComparison.Ordinal), BodyOf(method), key);
        return answer.Status == HttpStatusCode.Forbidden && answer.String("detail")!.StartsWith("only the admin key may do this", StringComparison.Ordinal);
    }

    private static string Fill(string route, Dictionary<string, string> owned)
    {
        var filled = route
            .Replace("{account}", "shop", StringComparison.Ordinal)
            .Replace("{class}", "transactional", StringComparison.Ordinal);
        var known = owned.Keys.Where(name => filled.StartsWith(name, StringComparison.Ordinal)).MaxBy(name => name.Length);
        Assert.True(known is not null, $"{route} is new: say here what a stranger would give it, or that nothing of anybody's is named in it");
        return string.Concat(known.AsSpan(0, known.IndexOf('{', StringComparison.Ordinal)), owned[known], filled.AsSpan(known.Length));
    }

    // What the route itself would take: the answer must not be about the body.
    private static string? BodyOf(string method) => method switch
    {
        "PUT" => """{ }""",
        "POST" => "",
        _ => null,
    };

    private static async Task RefusesForeignMailAsync(ApiUnderTest api, string route, Dictionary<string, string> owned, string stranger)
    {
        foreach (var what in new[] { """ "account": "shop" """, $""" "message": "{owned["/messages/{id}"]}" """ })
        {
            foreach (var preview in new[] { "", "?preview=true" })
            {
                (await api.PostAsync(route + preview, $$"""{ {{what}}, "reason": "mine now" }""", stranger)).IsProblem(HttpStatusCode.NotFound);
            }
        }
    }

    private static async Task<string> SeenByOwnerAsync(ApiUnderTest api)
    {
        string[] lists = ["/messages", "/inbox", "/keys", "/domains", "/senders", "/routes", "/templates", "/webhooks", "/suppressions", "/queue", "/queue/suspensions", "/limits", "/stats"];
        var seen = await Task.WhenAll(lists.Select(list => api.GetAsync(list)));
        Assert.All(seen, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        return string.Join('\n', seen.Select(answer => answer.Text));
    }
}
