using System.Net;
using Relay.Mail.Messages;

namespace Relay.Tests.Intake.Http;

public sealed class AccountTests
{
    [Fact]
    public async Task A_key_is_shown_once_and_works_at_once()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var made = await api.PostAsync("/keys", """{ "name": "web shop", "scopes": ["send", "read"], "mode": "test" }""");
        var key = made.String("key");
        var listed = (await api.GetAsync("/keys")).Json.GetProperty("items").EnumerateArray().Single(item => item.GetProperty("id").GetString() == made.String("id"));

        Assert.Equal(HttpStatusCode.Created, made.Status);
        Assert.StartsWith("rk_test_", key, StringComparison.Ordinal);
        Assert.Equal("shop", made.String("account"));
        Assert.Equal("test", made.String("mode"));
        Assert.False(listed.TryGetProperty("key", out _));
        Assert.DoesNotContain(key, (await api.GetAsync("/keys")).Text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/messages", key)).Status);
        (await api.GetAsync("/keys", key)).IsProblem(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task A_revoked_key_is_rejected_at_once_and_stays_listed()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var made = await api.PostAsync("/keys", """{ "name": "web shop" }""");
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/messages", made.String("key"))).Status);

        var revoked = await api.DeleteAsync($"/keys/{made.String("id")}");
        var again = await api.DeleteAsync($"/keys/{made.String("id")}");

        Assert.Equal(HttpStatusCode.NoContent, revoked.Status);
        Assert.Equal(HttpStatusCode.NoContent, again.Status);
        (await api.GetAsync("/messages", made.String("key"))).IsProblem(HttpStatusCode.Unauthorized);
        Assert.Contains("revokedAt", (await api.GetAsync("/keys")).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "name")]
    [InlineData("""{ "name": "" }""", "name")]
    [InlineData("""{ "name": "a\nb" }""", "name")]
    [InlineData("""{ "name": "a", "mode": "Live" }""", "mode")]
    [InlineData("""{ "name": "a", "scopes": ["send", "root"] }""", "scopes")]
    [InlineData("""{ "name": "a", "account": "x" }""", "account")]
    public async Task A_key_that_makes_no_sense_is_refused_by_name(string json, string field)
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = await api.PostAsync("/keys", json);

        answer.Names(field == "account" ? HttpStatusCode.Forbidden : HttpStatusCode.UnprocessableEntity, field);
    }

    [Fact]
    public async Task Another_accounts_key_cannot_be_seen_or_revoked()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var made = await api.PostAsync("/keys", """{ "name": "web shop" }""");
        var stranger = await api.KeyAsync("stranger");

        (await api.DeleteAsync($"/keys/{made.String("id")}", stranger)).IsProblem(HttpStatusCode.NotFound);
        Assert.DoesNotContain(made.String("id"), (await api.GetAsync("/keys", stranger)).Text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/messages", made.String("key"))).Status);
    }

    [Fact]
    public async Task A_test_key_makes_and_revokes_test_keys_only()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var testKey = await api.KeyAsync("shop", MessageMode.Test);
        var live = await api.PostAsync("/keys", """{ "name": "web shop" }""");

        (await api.PostAsync("/keys", """{ "name": "mine" }""", testKey)).Names(HttpStatusCode.Forbidden, "mode", "test key");
        (await api.DeleteAsync($"/keys/{live.String("id")}", testKey)).IsProblem(HttpStatusCode.Forbidden);
        var made = await api.PostAsync("/keys", """{ "name": "mine", "mode": "test" }""", testKey);

        Assert.Equal(HttpStatusCode.Created, made.Status);
        Assert.Equal(HttpStatusCode.NoContent, (await api.DeleteAsync($"/keys/{made.String("id")}", testKey)).Status);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/messages", live.String("key"))).Status);
    }

    [Fact]
    public async Task The_admin_makes_accounts_and_acts_for_them()
    {
        await using var api = await ApiUnderTest.StartAsync(("Bootstrap:RequireVerifiedDomains", "false"));
        var account = await api.PostAsync("/accounts", """{ "name": "Another shop" }""", ApiUnderTest.AdminKey);
        var id = account.String("id");

        var named = await api.PostAsync("/keys", $$"""{ "name": "first", "account": "{{id}}" }""", ApiUnderTest.AdminKey);
        var headed = await api.PostAsync("/keys", """{ "name": "second" }""", ApiUnderTest.AdminKey, ("Relay-Account", id));
        var sent = await api.PostAsync("/send", """{ "from": "a@any.test", "to": "b@there.test", "text": "" }""", ApiUnderTest.AdminKey, ("Relay-Account", id));

        Assert.Equal(HttpStatusCode.Created, account.Status);
        Assert.Equal("Another shop", account.String("name"));
        Assert.Equal([id, id], new[] { named, headed }.Select(answer => answer.String("account")));
        Assert.Equal(id, api.Stores.Queue.Accepted.Single().Account);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync($"/messages/{sent.String("id")}", named.String("key"))).Status);
        Assert.Contains(id, (await api.GetAsync("/accounts", ApiUnderTest.AdminKey)).Text, StringComparison.Ordinal);
        (await api.GetAsync("/messages", ApiUnderTest.AdminKey, ("Relay-Account", "nobody"))).IsProblem(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Nobody_else_acts_for_another_account()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.KeyAsync("stranger");

        (await api.GetAsync("/messages", api.Key, ("Relay-Account", "stranger"))).IsProblem(HttpStatusCode.Forbidden);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/messages", api.Key, ("Relay-Account", "shop"))).Status);
        (await api.GetAsync("/accounts")).IsProblem(HttpStatusCode.Forbidden);
        (await api.PostAsync("/accounts", """{ "name": "x" }""")).IsProblem(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task The_queue_is_seen_whole_by_the_admin_and_in_part_by_an_account()
    {
        await using var api = await ApiUnderTest.StartAsync(("Bootstrap:RequireVerifiedDomains", "false"));
        var other = await api.KeyAsync("other");
        await api.SendWithAsync(("to", new[] { "a@there.test", "a@elsewhere.test" }));
        await api.PostAsync("/send", """{ "from": "a@any.test", "to": "b@there.test", "text": "", "class": "bulk" }""", other);

        var whole = await api.GetAsync("/queue", ApiUnderTest.AdminKey);
        var part = await api.GetAsync("/queue", other);

        Assert.Equal(3, whole.Json.GetProperty("depth").GetInt32());
        Assert.Equal(3, whole.Json.GetProperty("lanes").GetArrayLength());
        Assert.Equal(1, part.Json.GetProperty("depth").GetInt32());
        var lane = part.Json.GetProperty("lanes")[0];
        Assert.Equal(("there.test", "other", "bulk", 1), (lane.GetProperty("domain").GetString(), lane.GetProperty("account").GetString(), lane.GetProperty("class").GetString(), lane.GetProperty("depth").GetInt32()));
        Assert.Equal(0, (await api.GetAsync("/queue", ApiUnderTest.AdminKey, ("Relay-Account", "default"))).Json.GetProperty("depth").GetInt32());
    }
}
