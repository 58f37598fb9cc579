using System.Net;
using System.Security.Cryptography;
using System.Text;
using Relay.Intake.Admission;
using Relay.Mail.Messages;

namespace Relay.Tests.Intake.Http;

/// <summary>What a key may is what it says, and it can give no more than it has.</summary>
public sealed class KeyTests
{
    [Fact]
    public async Task An_account_with_all_the_keys_it_may_have_gets_one_for_one_that_it_gives_up()
    {
        await using var api = await ApiUnderTest.StartAsync(("Limits:KeysPerAccount", "2"));
        var second = await api.PostAsync("/keys", """{ "name": "second" }""");

        var refused = (await api.PostAsync("/keys", """{ "name": "third" }""")).IsProblem(HttpStatusCode.Conflict);

        Assert.Contains("2 live keys", refused.String("detail"), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/keys", """{ "name": "a test key", "mode": "test" }""")).Status);
        await api.DeleteAsync($"/keys/{second.String("id")}");
        api.Stores.Time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/keys", """{ "name": "third" }""")).Status);
    }

    [Fact]
    public async Task Keys_that_are_made_and_revoked_in_turn_come_to_an_end_for_the_day()
    {
        await using var api = await ApiUnderTest.StartAsync(("Limits:KeysPerAccount", "3"));
        for (var made = 0; made < 2; made++)
        {
            await api.DeleteAsync($"/keys/{(await api.PostAsync("/keys", """{ "name": "a" }""")).String("id")}");
            api.Stores.Time.Advance(TimeSpan.FromHours(1));
        }

        var refused = (await api.PostAsync("/keys", """{ "name": "a" }""")).IsProblem(HttpStatusCode.TooManyRequests);

        Assert.Equal("79200", refused.Headers["Retry-After"]);
        api.Stores.Time.Advance(TimeSpan.FromHours(22));
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/keys", """{ "name": "a" }""")).Status);
    }

    [Fact]
    public async Task A_key_says_what_it_is_confined_to()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var made = await api.PostAsync("/keys", """
            { "name": "web shop", "domains": ["Shop.test", "*.Bücher.test"], "addressRanges": ["127.0.0.9/8", "::1"],
              "expiresAt": "2026-04-01T00:00:00+02:00", "limits": { "perSecond": 2.5, "perDay": 100 } }
            """);

        Assert.Equal(HttpStatusCode.Created, made.Status);
        Assert.Equal(["shop.test", "*.xn--bcher-kva.test"], made.Json.GetProperty("domains").EnumerateArray().Select(d => d.GetString()));
        Assert.Equal(["127.0.0.0/8", "::1/128"], made.Json.GetProperty("addressRanges").EnumerateArray().Select(d => d.GetString()));
        Assert.Equal("2026-03-31T22:00:00+00:00", made.String("expiresAt"));
        Assert.Equal((2.5, 100), (made.Json.GetProperty("limits").GetProperty("perSecond").GetDouble(), made.Json.GetProperty("limits").GetProperty("perDay").GetInt32()));
        Assert.False(made.Json.GetProperty("limits").TryGetProperty("perMonth", out _));
    }

    [Theory]
    [InlineData("""{ "name": "a", "domains": ["shop.test", "not a domain"] }""", "domains")]
    [InlineData("""{ "name": "a", "domains": "*" }""", "domains")]
    [InlineData("""{ "name": "a", "domains": "[192.0.2.1]" }""", "domains")]
    [InlineData("""{ "name": "a", "addressRanges": "192.0.2.0/33" }""", "addressRanges")]
    [InlineData("""{ "name": "a", "expiresAt": "2026-03-01T11:59:59Z" }""", "expiresAt")]
    [InlineData("""{ "name": "a", "expiresAt": "soon" }""", "expiresAt")]
    [InlineData("""{ "name": "a", "limits": { "perSecond": 0 } }""", "limits.perSecond")]
    [InlineData("""{ "name": "a", "limits": { "perDay": 0 } }""", "limits.perDay")]
    [InlineData("""{ "name": "a", "limits": { "perMonth": -1 } }""", "limits.perMonth")]
    public async Task What_makes_no_sense_is_refused_by_name(string json, string field)
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = await api.PostAsync("/keys", json);

        answer.Names(HttpStatusCode.UnprocessableEntity, field);
    }

    [Fact]
    public async Task A_key_for_a_domain_sends_as_that_domain_alone()
    {
        await using var api = await ApiUnderTest.StartAsync(("Bootstrap:RequireVerifiedDomains", "false"));
        var key = (await api.PostAsync("/keys", """{ "name": "a", "domains": "shop.test" }""")).String("key");

        Assert.Equal(HttpStatusCode.Accepted, (await SendAsync(api, key, "any.one@shop.test")).Status);
        (await SendAsync(api, key, "a@other.test")).Names(HttpStatusCode.Forbidden, "from", "this key may send as shop.test only");
        (await SendAsync(api, key, "a@below.shop.test")).Names(HttpStatusCode.Forbidden, "from");
    }

    [Fact]
    public async Task A_key_from_elsewhere_is_told_so()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var key = (await api.PostAsync("/keys", """{ "name": "a", "addressRanges": "192.0.2.0/24" }""")).String("key");

        var answer = await api.GetAsync("/messages", key);

        answer.IsProblem(HttpStatusCode.Forbidden);
        Assert.Equal("this key may not be used from 127.0.0.1", answer.String("detail"));
    }

    [Fact]
    public async Task A_key_ends_at_its_time()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var key = (await api.PostAsync("/keys", """{ "name": "a", "expiresAt": "2026-03-01T13:00:00Z" }""")).String("key");
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/messages", key)).Status);

        api.Stores.Time.Advance(TimeSpan.FromHours(1));

        (await api.GetAsync("/messages", key)).IsProblem(HttpStatusCode.Unauthorized);
    }

    [Theory]
    [InlineData("""{ "name": "a", "domains": "shop.test" }""")]
    [InlineData("""{ "name": "a", "addressRanges": "127.0.0.0/8" }""")]
    [InlineData("""{ "name": "a", "expiresAt": "2026-04-01T00:00:00Z" }""")]
    [InlineData("""{ "name": "a", "limits": { "perDay": 1 } }""")]
    public async Task A_confined_key_frees_itself_by_no_other_key_and_no_other_limit(string json)
    {
        await using var api = await ApiUnderTest.StartAsync();
        var made = await api.PostAsync("/keys", json);
        var key = made.String("key");

        (await api.PostAsync("/keys", """{ "name": "free" }""", key)).IsProblem(HttpStatusCode.Forbidden);
        (await api.PutAsync($"/keys/{made.String("id")}/limits", "{}", key)).IsProblem(HttpStatusCode.Forbidden);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/keys", key)).Status);
    }

    [Theory]
    [InlineData("""{ "name": "a", "limits": {} }""")]
    [InlineData("""{ "name": "a", "limits": { "perDay": 1 } }""")]
    public async Task A_key_whose_limits_were_lifted_makes_keys_again(string json)
    {
        await using var api = await ApiUnderTest.StartAsync();
        var made = await api.PostAsync("/keys", json);

        Assert.Equal(HttpStatusCode.OK, (await api.PutAsync($"/keys/{made.String("id")}/limits", "{}")).Status);

        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/keys", """{ "name": "b" }""", made.String("key"))).Status);
    }

    [Fact]
    public async Task A_key_does_not_limit_itself()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var made = await api.PostAsync("/keys", """{ "name": "a" }""");

        var answer = await api.PutAsync($"/keys/{made.String("id")}/limits", """{ "perDay": 1 }""", made.String("key"));

        Assert.Contains("use another key", answer.IsProblem(HttpStatusCode.Conflict).String("detail"), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/keys", """{ "name": "b" }""", made.String("key"))).Status);
    }

    [Fact]
    public async Task A_confined_key_revokes_itself_and_no_other()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var other = await api.PostAsync("/keys", """{ "name": "other" }""");
        var made = await api.PostAsync("/keys", """{ "name": "a", "domains": "shop.test" }""");

        (await api.DeleteAsync($"/keys/{other.String("id")}", made.String("key"))).IsProblem(HttpStatusCode.Forbidden);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/keys", other.String("key"))).Status);

        Assert.Equal(HttpStatusCode.NoContent, (await api.DeleteAsync($"/keys/{made.String("id")}", made.String("key"))).Status);
        (await api.GetAsync("/keys", made.String("key"))).IsProblem(HttpStatusCode.Unauthorized);
    }

    [Theory]
    [InlineData("""{ "name": "a", "mode": "test" }""", "a test key")]
    [InlineData("""{ "name": "a", "limits": { "perDay": 1 } }""", "limited itself")]
    public async Task A_key_for_tests_or_for_a_part_changes_nothing_that_live_mail_depends_on(string json, string words)
    {
        await using var api = await ApiUnderTest.StartAsync();
        var key = (await api.PostAsync("/keys", json)).String("key");
        const string Route = """{ "match": "help.shop.test", "forwardTo": "desk@there.test" }""";
        var route = (await api.PostAsync("/routes", Route)).String("id");

        ApiAnswer[] answers =
        [
            await api.PostAsync("/domains/shop.test/rotate", "", key),
            await api.PostAsync("/domains/shop.test/rotate?revoke=true", "", key),
            await api.PutAsync("/domains/shop.test/subdomains", """{ "subdomains": "exact" }""", key),
            await api.DeleteAsync("/domains/shop.test", key),
            await api.PostAsync("/routes", Route, key),
            await api.DeleteAsync($"/routes/{route}", key),
        ];

        Assert.All(answers, answer => Assert.Contains(words, answer.IsProblem(HttpStatusCode.Forbidden).String("detail"), StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/domains", """{ "name": "new.test" }""", key)).Status);
    }

    [Fact]
    public async Task A_key_gives_no_scope_that_it_lacks()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var manager = (await api.PostAsync("/keys", """{ "name": "a", "scopes": ["manage", "read"] }""")).String("key");

        (await api.PostAsync("/keys", """{ "name": "b" }""", manager)).Names(HttpStatusCode.Forbidden, "scopes");
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/keys", """{ "name": "b", "scopes": ["read"] }""", manager)).Status);
    }

    [Fact]
    public async Task Guessing_is_answered_with_429_and_the_right_key_is_not()
    {
        await using var api = await ApiUnderTest.StartAsync(("Logins:FailuresPerAddress", "2"));
        (await api.GetAsync("/messages", "wrong 1")).IsProblem(HttpStatusCode.Unauthorized);
        (await api.GetAsync("/messages", "wrong 2")).IsProblem(HttpStatusCode.Unauthorized);

        var held = await api.GetAsync("/messages", "wrong 3");

        held.IsProblem(HttpStatusCode.TooManyRequests);
        Assert.Equal("300", held.Headers["Retry-After"]);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/messages")).Status);
    }

    [Fact]
    public async Task Whatever_is_wrong_with_a_key_is_told_in_the_same_words_which_do_not_repeat_it()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var revoked = await api.PostAsync("/keys", """{ "name": "a" }""");
        await api.DeleteAsync($"/keys/{revoked.String("id")}");
        var expired = await api.PostAsync("/keys", """{ "name": "b", "expiresAt": "2026-03-01T13:00:00Z" }""");
        api.Stores.Time.Advance(TimeSpan.FromHours(2));

        var words = (await api.GetAsync("/messages", ApiKey.Create(MessageMode.Live))).IsProblem(HttpStatusCode.Unauthorized).Text;

        foreach (var key in new[] { "guess", revoked.String("key"), expired.String("key"), ApiKey.Create(MessageMode.Test) })
        {
            var answer = (await api.GetAsync("/messages", key)).IsProblem(HttpStatusCode.Unauthorized);
            Assert.Equal(words, answer.Text);
            Assert.DoesNotContain(key, answer.Text, StringComparison.Ordinal);
            Assert.DoesNotContain(answer.Headers.Values, value => value.Contains(key, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_key_in_the_URL_where_every_log_on_the_way_has_it_is_none()
    {
        await using var api = await ApiUnderTest.StartAsync();
        foreach (var name in new[] { "key", "api_key", "apikey", "access_token", "token", "Authorization" })
        {
            using var answer = await api.Client.GetAsync($"/messages?{name}={Uri.EscapeDataString(api.Key)}", TestContext.Current.CancellationToken);

            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
            Assert.DoesNotContain(api.Key, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Of_a_key_its_hash_alone_is_kept_and_shown_to_nobody()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var key = (await api.PostAsync("/keys", """{ "name": "web shop" }""")).String("key");

        var kept = Assert.Single(await api.Stores.Accounts.ListCredentialsAsync("shop", TestContext.Current.CancellationToken), credential => credential.Name == "web shop");
        var listed = (await api.GetAsync("/keys")).Text;

        Assert.Equal(SHA256.HashData(Encoding.UTF8.GetBytes(key)), kept.KeyHash);
        Assert.DoesNotContain(key, kept.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToHexString(kept.KeyHash), listed, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Convert.ToBase64String(kept.KeyHash), listed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_test_key_sets_no_limit_of_a_live_one()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var live = (await api.PostAsync("/keys", """{ "name": "a" }""")).String("id");

        (await api.PutAsync($"/keys/{live}/limits", "{}", await api.KeyAsync("shop", MessageMode.Test))).IsProblem(HttpStatusCode.Forbidden);
    }

    private static Task<ApiAnswer> SendAsync(ApiUnderTest api, string key, string from) =>
        api.PostAsync("/send", System.Text.Json.JsonSerializer.Serialize(new { from, to = "a@there.test", text = "x" }), key);
}
