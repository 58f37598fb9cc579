using System.Net;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Signing;
using Relay.Mail.Webhooks;

namespace Relay.Tests.Intake.Http;

public sealed class WebhookTests
{
    private const string Wish = """{ "url": "https://hooks.shop.test/events?x=1" }""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_webhook_is_made_with_a_secret_that_is_shown_once()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var made = await api.PostAsync("/webhooks", """{ "url": "https://hooks.shop.test/events?x=1", "events": ["delivered", "bounced", "delivered"] }""");
        var listed = await api.GetAsync("/webhooks");
        var found = await api.GetAsync($"/webhooks/{made.String("id")}");

        Assert.Equal(HttpStatusCode.Created, made.Status);
        Assert.Equal("https://hooks.shop.test/events?x=1", made.String("url"));
        Assert.Equal(["delivered", "bounced"], made.Json.GetProperty("events").EnumerateArray().Select(e => e.GetString()));
        Assert.StartsWith("whsec_", made.String("secret"), StringComparison.Ordinal);
        Assert.Equal(32, SecretIn(made).Length);
        Assert.Equal(made.String("id"), listed.Json.GetProperty("items")[0].GetProperty("id").GetString());
        Assert.DoesNotContain("whsec_", listed.Text + found.Text, StringComparison.Ordinal);
        Assert.Equal("idle", found.Json.GetProperty("standing").GetProperty("state").GetString());
        Assert.Equal(0, found.Json.GetProperty("standing").GetProperty("waiting").GetInt64());
        var kept = await api.Stores.Webhooks.FindAsync("shop", made.String("id"), Cancellation);
        Assert.Equal(SecretIn(made), new KeySeal([]).Open(kept!.Secret, kept.SecretPlace));
    }

    [Theory]
    [InlineData("{ }", "url")]
    [InlineData("""{ "url": "hooks" }""", "url")]
    [InlineData("""{ "url": "http://hooks.shop.test/" }""", "url")]
    [InlineData("""{ "url": "https://me:secret@hooks.shop.test/" }""", "url")]
    [InlineData("""{ "url": "file:///etc/passwd" }""", "url")]
    [InlineData("""{ "url": "https://hooks.shop.test/", "events": [] }""", "events")]
    [InlineData("""{ "url": "https://hooks.shop.test/", "events": ["delivered", "Bounced"] }""", "events[1]")]
    [InlineData("""{ "url": "https://hooks.shop.test/", "events": ["everything"] }""", "events[0]")]
    public async Task What_is_wrong_is_named(string json, string field)
    {
        await using var api = await ApiUnderTest.StartAsync();
        var made = await api.PostAsync("/webhooks", Wish);

        (await api.PostAsync("/webhooks", json)).Names(HttpStatusCode.UnprocessableEntity, field);
        (await api.PutAsync($"/webhooks/{made.String("id")}", json)).Names(HttpStatusCode.UnprocessableEntity, field);
        Assert.Single((await api.GetAsync("/webhooks")).Json.GetProperty("items").EnumerateArray());
    }

    [Fact]
    public async Task In_clear_text_only_the_one_who_runs_all_of_it_may_have_it()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var made = await api.PostAsync("/webhooks", """{ "url": "http://hooks.shop.test/" }""", ApiUnderTest.AdminKey, ("Relay-Account", "shop"));

        Assert.Equal(HttpStatusCode.Created, made.Status);
        Assert.Equal("http://hooks.shop.test/", (await api.GetAsync($"/webhooks/{made.String("id")}")).String("url"));
    }

    [Fact]
    public async Task It_can_be_changed_and_removed()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.PostAsync("/webhooks", """{ "url": "https://hooks.shop.test/", "events": ["bounced"] }""")).String("id");

        var changed = await api.PutAsync($"/webhooks/{id}", """{ "url": "https://new.shop.test/" }""");

        Assert.Equal((HttpStatusCode.OK, "https://new.shop.test/"), (changed.Status, changed.String("url")));
        Assert.False(changed.Json.TryGetProperty("events", out _));
        Assert.Equal(HttpStatusCode.NoContent, (await api.DeleteAsync($"/webhooks/{id}")).Status);
        (await api.GetAsync($"/webhooks/{id}")).IsProblem(HttpStatusCode.NotFound);
        (await api.DeleteAsync($"/webhooks/{id}")).IsProblem(HttpStatusCode.NotFound);
        (await api.PutAsync($"/webhooks/{id}", Wish)).IsProblem(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_new_secret_leaves_the_one_before_a_day()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var made = await api.PostAsync("/webhooks", Wish);
        var id = made.String("id");

        var rotated = await api.PostAsync($"/webhooks/{id}/rotate", "");

        Assert.Equal(HttpStatusCode.OK, rotated.Status);
        Assert.NotEqual(SecretIn(made), SecretIn(rotated));
        var kept = (await api.Stores.Webhooks.FindAsync("shop", id, Cancellation))!;
        Assert.Equal(SecretIn(rotated), new KeySeal([]).Open(kept.Secret, kept.SecretPlace));
        Assert.Equal(SecretIn(made), new KeySeal([]).Open(kept.FormerSecret!, kept.SecretPlace));
        Assert.Equal(api.Stores.Time.GetUtcNow() + TimeSpan.FromDays(1), kept.FormerUntil);
        Assert.True((await api.GetAsync($"/webhooks/{id}")).Json.TryGetProperty("formerSecretUntil", out _));
        api.Stores.Time.Advance(TimeSpan.FromDays(1));
        Assert.False((await api.GetAsync($"/webhooks/{id}")).Json.TryGetProperty("formerSecretUntil", out _));
    }

    [Fact]
    public async Task One_that_fails_is_shown_with_its_words_and_what_waits()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.PostAsync("/webhooks", Wish)).String("id");
        var now = api.Stores.Time.GetUtcNow();
        api.Stores.Webhooks.Standing = new WebhookStanding
        {
            Waiting = 7, Oldest = now - TimeSpan.FromHours(1), Taken = 5, GivenUp = 2, Dropped = 1,
            LastTaken = now - TimeSpan.FromHours(2), LastFailed = now, LastError = "HTTP 500", FailingSince = now - TimeSpan.FromHours(1),
        };

        var standing = (await api.GetAsync($"/webhooks/{id}")).Json.GetProperty("standing");

        Assert.Equal(("failing", "HTTP 500"), (standing.GetProperty("state").GetString(), standing.GetProperty("lastError").GetString()));
        Assert.Equal((7, 5, 2, 1), (standing.GetProperty("waiting").GetInt32(), standing.GetProperty("taken").GetInt32(), standing.GetProperty("givenUp").GetInt32(), standing.GetProperty("dropped").GetInt32()));
        Assert.Equal(now - TimeSpan.FromHours(1), standing.GetProperty("failingSince").GetDateTimeOffset());
        Assert.Equal(now - TimeSpan.FromHours(1), standing.GetProperty("oldest").GetDateTimeOffset());
    }

    [Fact]
    public async Task A_test_and_a_replay_are_put_on_the_way()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.PostAsync("/webhooks", Wish)).String("id");
        var message = MessageId.Create(api.Stores.Time);
        api.Stores.Webhooks.Kept[message] = "shop";

        var test = await api.PostAsync($"/webhooks/{id}/test", "");
        var one = await api.PostAsync($"/webhooks/{id}/replay", $$"""{ "message": "{{message}}" }""");
        var all = await api.PostAsync($"/webhooks/{id}/replay", """{ "since": "2026-03-01T11:00:00Z", "until": "2026-03-01T12:00:00Z" }""");

        Assert.Equal((HttpStatusCode.Accepted, HttpStatusCode.Accepted, HttpStatusCode.Accepted), (test.Status, one.Status, all.Status));
        Assert.EndsWith($".test.{id}", test.String("id"), StringComparison.Ordinal);
        Assert.Equal((1, 1), (one.Json.GetProperty("messages").GetInt32(), all.Json.GetProperty("messages").GetInt32()));
        Assert.Equal(
            [$"test {id}", $"replay {id} {message}", $"replay {id} 2026-03-01T11:00:00.0000000+00:00 2026-03-01T12:00:00.0000000+00:00"], api.Stores.Webhooks.Asked);
    }

    [Theory]
    [InlineData("2026-03-01T11:00:00", "9999-12-31T23:59:59.9999999Z", "2026-03-01T11:00:00", "2026-03-01T12:00:00")]
    [InlineData("2026-03-01T10:00:00+01:00", "2026-03-01T10:30", "2026-03-01T09:00:00", "2026-03-01T10:30:00")]
    public async Task A_replay_goes_no_further_than_now_and_its_times_are_of_the_world_where_they_name_no_offset(string since, string until, string from, string to)
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.PostAsync("/webhooks", Wish)).String("id");

        var answer = await api.PostAsync($"/webhooks/{id}/replay", $$"""{ "since": "{{since}}", "until": "{{until}}" }""");

        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        Assert.Equal([$"replay {id} {from}.0000000+00:00 {to}.0000000+00:00"], api.Stores.Webhooks.Asked);
    }

    [Theory]
    [InlineData("{ }", "since")]
    [InlineData("""{ "since": "2026-03-01T13:00:00Z" }""", "since")]
    [InlineData("""{ "since": "2026-03-01T11:00:00Z", "until": "2026-03-01T10:00:00Z" }""", "until")]
    [InlineData("""{ "since": "yesterday" }""", "since")]
    [InlineData("""{ "since": "2026-03-01T11:00:00Z", "until": "soon" }""", "until")]
    [InlineData("""{ "message": "nothing" }""", "message")]
    [InlineData("""{ "message": "01kd3v0000000000000000000", "since": "2026-03-01T11:00:00Z" }""", "message")]
    public async Task A_replay_of_nothing_is_refused_by_the_name_of_the_field(string json, string field)
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.PostAsync("/webhooks", Wish)).String("id");

        (await api.PostAsync($"/webhooks/{id}/replay", json)).Names(HttpStatusCode.UnprocessableEntity, field);
        Assert.Empty(api.Stores.Webhooks.Asked);
    }

    [Theory]
    [InlineData("""{ "message": "ID" }""")]
    [InlineData("""{ "since": "2026-03-01T11:00:00Z" }""")]
    public async Task A_replay_that_what_waits_would_give_way_to_is_refused_with_how_much_that_is(string json)
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.PostAsync("/webhooks", Wish)).String("id");
        var message = MessageId.Create(api.Stores.Time);
        api.Stores.Webhooks.Kept[message] = "shop";
        api.Stores.Webhooks.Crowd = new WebhookCrowd(26_000, 50_000);

        var answer = await api.PostAsync($"/webhooks/{id}/replay", json.Replace("ID", message.ToString(), StringComparison.Ordinal));

        Assert.Equal(HttpStatusCode.Conflict, answer.Status);
        Assert.StartsWith("26000 messages wait for this webhook, of 50000 that may", answer.String("detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_account_replays_the_message_of_another()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.PostAsync("/webhooks", Wish)).String("id");
        var message = MessageId.Create(api.Stores.Time);
        api.Stores.Webhooks.Kept[message] = "other";

        (await api.PostAsync($"/webhooks/{id}/replay", $$"""{ "message": "{{message}}" }""")).Names(HttpStatusCode.UnprocessableEntity, "message");
    }

    [Fact]
    public async Task There_are_no_more_than_twenty()
    {
        await using var api = await ApiUnderTest.StartAsync();
        for (var n = 0; n < 20; n++)
        {
            Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/webhooks", Wish)).Status);
        }

        (await api.PostAsync("/webhooks", Wish)).IsProblem(HttpStatusCode.Conflict);
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/webhooks", Wish, await api.KeyAsync("other"))).Status);
    }

    [Fact]
    public async Task A_key_that_may_not_manage_or_is_for_tests_changes_none()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.PostAsync("/webhooks", Wish)).String("id");

        foreach (var key in new[] { await api.KeyAsync("shop", MessageMode.Live, CredentialScope.Send, CredentialScope.Read), await api.KeyAsync("shop", MessageMode.Test) })
        {
            (await api.PostAsync("/webhooks", Wish, key)).IsProblem(HttpStatusCode.Forbidden);
            (await api.PutAsync($"/webhooks/{id}", Wish, key)).IsProblem(HttpStatusCode.Forbidden);
            (await api.DeleteAsync($"/webhooks/{id}", key)).IsProblem(HttpStatusCode.Forbidden);
            foreach (var action in new[] { "rotate", "test", "replay" })
            {
                (await api.PostAsync($"/webhooks/{id}/{action}", """{ "since": "2026-03-01T11:00:00Z" }""", key)).IsProblem(HttpStatusCode.Forbidden);
            }
        }

        Assert.Empty(api.Stores.Webhooks.Asked);
    }

    private static byte[] SecretIn(ApiAnswer answer) => Convert.FromBase64String(answer.String("secret")["whsec_".Length..]);
}
