using System.Net;
using System.Text.Json;

namespace Relay.Tests.Intake.Http;

public sealed class LimitTests
{
    [Fact]
    public async Task What_has_no_limit_is_counted_all_the_same()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.SendWithAsync(("to", new[] { "a@there.test", "b@there.test" }));

        var limits = (await api.GetAsync("/limits")).Json.GetProperty("items").EnumerateArray().ToList();

        Assert.Equal(
            [("account", "day", 2), ("account", "month", 2), ("key", "day", 2), ("key", "month", 2)],
            limits.Select(l => (Text(l, "of"), Text(l, "per"), l.GetProperty("used").GetInt32())));
        Assert.All(limits, l => Assert.False(l.TryGetProperty("limit", out _)));
        Assert.Equal("2026-03-02T00:00:00+00:00", Text(limits[0], "resets"));
        Assert.Equal("2026-04-01T00:00:00+00:00", Text(limits[1], "resets"));
    }

    [Fact]
    public async Task The_operator_limits_an_account_which_sees_it_and_is_told_when_it_is_over()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var set = await api.PutAsync("/accounts/shop/limits", """{ "perSecond": 5, "perDay": 2 }""", ApiUnderTest.AdminKey);
        Assert.Equal(HttpStatusCode.OK, set.Status);
        Assert.Equal(2, (await api.GetAsync("/accounts/shop", ApiUnderTest.AdminKey)).Json.GetProperty("limits").GetProperty("perDay").GetInt32());
        await api.SendWithAsync();

        var limits = (await api.GetAsync("/limits")).Json.GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(("second", "waits", 5), (Text(limits[0], "per"), Text(limits[0], "beyond"), limits[0].GetProperty("limit").GetInt32()));
        Assert.Equal(
            ("day", "refused", 2, 1, 1),
            (Text(limits[1], "per"), Text(limits[1], "beyond"), limits[1].GetProperty("limit").GetInt32(), limits[1].GetProperty("used").GetInt32(), limits[1].GetProperty("remaining").GetInt32()));

        Assert.Equal(HttpStatusCode.Accepted, (await api.SendWithAsync()).Status);
        var refused = await api.SendWithAsync();
        refused.IsProblem(HttpStatusCode.TooManyRequests);
        Assert.Equal("43200", refused.Headers["Retry-After"]);
        var limit = refused.Json.GetProperty("limit");
        Assert.Equal(("account", "day", "2026-03-02T00:00:00+00:00", 0), (Text(limit, "of"), Text(limit, "per"), Text(limit, "resets"), limit.GetProperty("remaining").GetInt32()));

        await api.CallAsync(HttpMethod.Delete, "/accounts/shop/limits", null, ApiUnderTest.AdminKey);
        Assert.Equal(HttpStatusCode.Accepted, (await api.SendWithAsync()).Status);
    }

    [Fact]
    public async Task Who_repeats_what_was_accepted_hears_of_it_though_nothing_is_left()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.PutAsync("/accounts/shop/limits", """{ "perDay": 1 }""", ApiUnderTest.AdminKey);
        const string Mail = """{ "from": "a@shop.test", "to": "b@there.test", "text": "x" }""";
        var first = await api.SendAsync(Mail, ("Idempotency-Key", "order-7"));

        var again = await api.SendAsync(Mail, ("Idempotency-Key", "order-7"));

        Assert.Equal((HttpStatusCode.Accepted, "true"), (again.Status, again.Headers["Idempotent-Replayed"]));
        Assert.Equal(first.String("id"), again.String("id"));
        (await api.SendAsync(Mail, ("Idempotency-Key", "order-8"))).IsProblem(HttpStatusCode.TooManyRequests);
        (await api.SendAsync("""{ "from": "a@shop.test", "to": "c@there.test", "text": "x" }""", ("Idempotency-Key", "order-7"))).Names(HttpStatusCode.UnprocessableEntity, "Idempotency-Key");
    }

    [Fact]
    public async Task An_account_limits_its_keys_and_not_itself()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var made = await api.PostAsync("/keys", """{ "name": "a", "limits": { "perDay": 1 } }""");
        const string Mail = """{ "from": "a@shop.test", "to": "b@there.test", "text": "x" }""";
        Assert.Equal(HttpStatusCode.Accepted, (await api.PostAsync("/send", Mail, made.String("key"))).Status);
        Assert.Equal("key", Text((await api.PostAsync("/send", Mail, made.String("key"))).IsProblem(HttpStatusCode.TooManyRequests).Json.GetProperty("limit"), "of"));
        Assert.Equal(HttpStatusCode.Accepted, (await api.SendWithAsync()).Status);

        var set = await api.PutAsync($"/keys/{made.String("id")}/limits", """{ "perDay": 2 }""");
        Assert.Equal(HttpStatusCode.OK, set.Status);
        Assert.Equal(HttpStatusCode.Accepted, (await api.PostAsync("/send", Mail, made.String("key"))).Status);
        (await api.PutAsync("/accounts/shop/limits", "{}")).IsProblem(HttpStatusCode.Forbidden);
    }

    [Theory]
    [InlineData("""{ "perSecond": 0 }""", "perSecond")]
    [InlineData("""{ "perSecond": 1e9 }""", "perSecond")]
    [InlineData("""{ "perDay": 0 }""", "perDay")]
    [InlineData("""{ "perMonth": -5 }""", "perMonth")]
    public async Task A_limit_that_is_none_is_refused_by_name(string json, string field)
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.PutAsync("/accounts/shop/limits", json, ApiUnderTest.AdminKey)).Names(HttpStatusCode.UnprocessableEntity, field);
    }

    [Fact]
    public async Task A_key_that_only_sends_may_know_its_limits()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var key = (await api.PostAsync("/keys", """{ "name": "a", "scopes": ["send"] }""")).String("key");

        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/limits", key)).Status);
        (await api.GetAsync("/limits", "wrong")).IsProblem(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task What_waits_for_the_rate_of_its_key_says_so_and_until_when()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var key = (await api.PostAsync("/keys", """{ "name": "a", "limits": { "perSecond": 0.1 } }""")).String("key");
        const string Mail = """{ "from": "a@shop.test", "to": "b@there.test", "text": "x" }""";
        await api.PostAsync("/send", Mail, key);
        var second = await api.PostAsync("/send", Mail, key);

        var waiting = (await api.GetAsync($"/messages/{second.String("id")}")).Json.GetProperty("recipients")[0].GetProperty("waiting");

        Assert.Equal("its key sends no faster than its rate, and this is its turn", Text(waiting, "reason"));
        Assert.Equal("2026-03-01T12:00:09+00:00", Text(waiting, "until"));
    }

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();
}
