using System.Net;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Tests.Intake.Http;

/// <summary>What waits, and what may be done to it.</summary>
public sealed class QueueTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_suspension_is_made_listed_shown_where_mail_waits_and_lifted()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.SendWithAsync()).String("id");

        var made = await api.PostAsync("/queue/suspensions", """{ "domain": "There.Test", "reason": "their server is moving", "until": "2026-03-02T12:00:00Z" }""");

        Assert.Equal(HttpStatusCode.Created, made.Status);
        Assert.Equal(("there.test", "shop", "their server is moving"), (made.String("domain"), made.String("account"), made.String("reason")));
        Assert.Equal(made.String("id"), (await api.GetAsync("/queue/suspensions")).Json.GetProperty("items")[0].GetProperty("id").GetString());
        var lane = (await api.GetAsync("/queue")).Json.GetProperty("lanes")[0];
        Assert.Equal("there.test/shop/transactional", lane.GetProperty("lane").GetString());
        Assert.Equal("their server is moving", lane.GetProperty("suspended").GetProperty("reason").GetString());
        foreach (var recipient in (System.Text.Json.JsonElement[])
        [
            (await api.GetAsync($"/messages/{id}")).Json.GetProperty("recipients")[0],
            (await api.GetAsync("/messages")).Json.GetProperty("items")[0].GetProperty("recipients")[0],
        ])
        {
            var waiting = recipient.GetProperty("waiting");
            Assert.Equal("suspended: their server is moving", waiting.GetProperty("reason").GetString());
            Assert.Equal("2026-03-02T12:00:00+00:00", waiting.GetProperty("until").GetString());
            Assert.Equal(made.String("id"), waiting.GetProperty("suspension").GetString());
        }

        Assert.Equal(HttpStatusCode.NoContent, (await api.DeleteAsync($"/queue/suspensions/{made.String("id")}")).Status);
        (await api.DeleteAsync($"/queue/suspensions/{made.String("id")}")).IsProblem(HttpStatusCode.NotFound);
        Assert.Equal("its first attempt is due", WaitingOf(await api.GetAsync($"/messages/{id}")));
    }

    [Theory]
    [InlineData("/queue/suspensions", """{ "domain": "there.test" }""", "reason")]
    [InlineData("/queue/suspensions", """{ "domain": "there.test", "reason": " " }""", "reason")]
    [InlineData("/queue/suspensions", """{ "domain": "there.test", "reason": "a\nb" }""", "reason")]
    [InlineData("/queue/suspensions", """{ "domain": "there.test", "reason": "x", "until": "2026-02-01T00:00:00Z" }""", "until")]
    [InlineData("/queue/suspensions", """{ "domain": "there test", "reason": "x" }""", "domain")]
    [InlineData("/queue/suspensions", """{ "class": "slow", "reason": "x" }""", "class")]
    [InlineData("/queue/bounce", """{ "domain": "there.test" }""", "reason")]
    [InlineData("/queue/bounce", """{ "message": "17", "reason": "x" }""", "message")]
    [InlineData("/queue/retry", """{ "domain": "there.test", "until": "2026-04-01T00:00:00Z" }""", "until")]
    [InlineData("/queue/retry?preview=yes", """{ "domain": "there.test" }""", "preview")]
    public async Task What_is_wrong_is_named_and_nothing_is_done(string path, string body, string field)
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.SendWithAsync();

        (await api.PostAsync(path, body)).Names(HttpStatusCode.UnprocessableEntity, field);

        Assert.Equal(1, api.Stores.Queue.Messages);
        Assert.Empty(api.Stores.Queue.Suspensions.Current.Items);
    }

    [Theory]
    [InlineData("suspensions")]
    [InlineData("bounce")]
    [InlineData("retry")]
    public async Task Naming_nothing_never_means_everything(string path)
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.SendWithAsync();

        (await api.PostAsync($"/queue/{path}", """{ "reason": "x" }""", ApiUnderTest.AdminKey)).IsProblem(HttpStatusCode.UnprocessableEntity);

        Assert.Equal(1, api.Stores.Queue.Messages);
    }

    [Fact]
    public async Task A_preview_tells_what_a_bounce_then_does()
    {
        await using var api = await ApiUnderTest.StartAsync();
        for (var i = 0; i < 12; i++)
        {
            await api.SendWithAsync(("to", $"u{i}@there.test"));
        }

        var kept = (await api.SendWithAsync(("to", "a@elsewhere.test"))).String("id");
        const string request = """{ "domain": "there.test", "reason": "the domain is gone" }""";

        var preview = await api.PostAsync("/queue/bounce?preview=true", request);
        Assert.Equal(13, api.Stores.Queue.Messages);
        var done = await api.PostAsync("/queue/bounce", request);

        Assert.Equal(12, preview.Json.GetProperty("units").GetInt32());
        Assert.True(preview.Json.GetProperty("exact").GetBoolean());
        Assert.Equal(10, preview.Json.GetProperty("items").GetArrayLength());
        Assert.Equal("""{"status":"done","units":12}""", done.Text);
        var first = preview.Json.GetProperty("items")[0].GetProperty("message").GetString();
        var ended = (await api.GetAsync($"/messages/{first}")).Json.GetProperty("timeline")[1];
        Assert.Equal("bounced", ended.GetProperty("type").GetString());
        Assert.Equal("the domain is gone", ended.GetProperty("reply").GetString());
        Assert.Equal("admin.bounce", ended.GetProperty("rule").GetString());
        Assert.StartsWith("key_", ended.GetProperty("by").GetString());
        Assert.Equal("its first attempt is due", WaitingOf(await api.GetAsync($"/messages/{kept}")));
    }

    [Fact]
    public async Task A_key_acts_on_its_own_accounts_mail_and_sees_no_other()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.SendWithAsync()).String("id");
        var stranger = await api.KeyAsync("stranger");

        foreach (var path in (string[])["bounce", "retry", "suspensions", "bounce?preview=true"])
        {
            (await api.PostAsync($"/queue/{path}", $$"""{ "message": "{{id}}", "reason": "x" }""", stranger)).IsProblem(HttpStatusCode.NotFound);
            (await api.PostAsync($"/queue/{path}", """{ "account": "shop", "reason": "x" }""", stranger)).IsProblem(HttpStatusCode.NotFound);
        }

        var none = (await api.PostAsync("/queue/bounce", """{ "account": "nobody", "reason": "x" }""", stranger)).IsProblem(HttpStatusCode.NotFound);
        Assert.Equal(none.Text, (await api.PostAsync("/queue/bounce", """{ "account": "shop", "reason": "x" }""", stranger)).Text);
        Assert.Equal(0, (await api.PostAsync("/queue/bounce?preview=true", """{ "domain": "there.test" }""", stranger)).Json.GetProperty("units").GetInt32());
        Assert.Equal(0, (await api.PostAsync("/queue/bounce", """{ "domain": "there.test", "reason": "x" }""", stranger)).Json.GetProperty("units").GetInt32());
        (await api.GetAsync("/queue/lanes/there.test/shop/transactional", stranger)).IsProblem(HttpStatusCode.NotFound);
        (await api.GetAsync($"/queue/messages/{id}", stranger)).IsProblem(HttpStatusCode.NotFound);
        (await api.DeleteAsync($"/messages/{id}", stranger)).IsProblem(HttpStatusCode.NotFound);
        Assert.Equal(1, api.Stores.Queue.Messages);

        var own = (await api.PostAsync("/queue/suspensions", """{ "domain": "there.test", "reason": "x" }""")).String("id");
        Assert.Equal(0, (await api.GetAsync("/queue/suspensions", stranger)).Json.GetProperty("items").GetArrayLength());
        (await api.DeleteAsync($"/queue/suspensions/{own}", stranger)).IsProblem(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task The_admin_key_acts_on_everything_and_an_account_cannot_lift_what_it_suspended()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.SendWithAsync();
        var other = await api.KeyAsync("other");
        await api.Stores.Queue.EnqueueAsync(api.Stores.Queue.Accepted[0] with { Id = MessageId.Create(api.Stores.Time), Account = "other" }, null, Cancellation);

        Assert.Equal(2, (await api.PostAsync("/queue/bounce?preview=true", """{ "domain": "there.test" }""", ApiUnderTest.AdminKey)).Json.GetProperty("units").GetInt32());
        Assert.Equal(1, (await api.PostAsync("/queue/bounce?preview=true", """{ "domain": "there.test" }""", ApiUnderTest.AdminKey, ("Relay-Account", "other"))).Json.GetProperty("units").GetInt32());
        var made = await api.PostAsync("/queue/suspensions", """{ "account": "other", "reason": "abuse" }""", ApiUnderTest.AdminKey);

        Assert.Equal("admin", made.String("by"));
        Assert.Equal("abuse", (await api.GetAsync("/queue/suspensions", other)).Json.GetProperty("items")[0].GetProperty("reason").GetString());
        (await api.DeleteAsync($"/queue/suspensions/{made.String("id")}", other)).IsProblem(HttpStatusCode.Forbidden);
        Assert.Equal(HttpStatusCode.NoContent, (await api.DeleteAsync($"/queue/suspensions/{made.String("id")}", ApiUnderTest.AdminKey)).Status);
        (await api.PostAsync("/queue/suspensions", """{ "account": "nobody", "reason": "x" }""", ApiUnderTest.AdminKey)).IsProblem(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_test_key_and_one_that_may_only_send_change_nothing_that_waits()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.SendWithAsync();

        foreach (var key in (string[])[await api.KeyAsync("shop", MessageMode.Test), await api.KeyAsync("shop", MessageMode.Live, CredentialScope.Send)])
        {
            (await api.PostAsync("/queue/bounce", """{ "domain": "there.test", "reason": "x" }""", key)).IsProblem(HttpStatusCode.Forbidden);
            (await api.PostAsync("/queue/suspensions", """{ "domain": "there.test", "reason": "x" }""", key)).IsProblem(HttpStatusCode.Forbidden);
        }

        Assert.Equal(1, api.Stores.Queue.Messages);
    }

    [Fact]
    public async Task A_test_key_sees_nothing_of_live_mail_that_waits_and_its_own()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var live = (await api.SendWithAsync(("to", "ada@customer.test"))).String("id");
        var key = await api.KeyAsync("shop", MessageMode.Test);
        var own = (await api.PostAsync("/send", """{ "from": "a@shop.test", "to": "b@own.test", "text": "x" }""", key)).String("id");

        foreach (var path in (string[])["/queue", "/queue/lanes/customer.test/shop/transactional", $"/queue/messages/{live}"])
        {
            var answer = await api.GetAsync(path, key);
            answer.IsProblem(path.EndsWith(live, StringComparison.Ordinal) ? HttpStatusCode.NotFound : HttpStatusCode.Forbidden);
            Assert.DoesNotContain("customer.test", answer.Text, StringComparison.Ordinal);
        }

        Assert.Contains("b@own.test", (await api.GetAsync($"/queue/messages/{own}", key)).Text, StringComparison.Ordinal);
        Assert.Contains("ada@customer.test", (await api.GetAsync($"/queue/messages/{live}")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_message_says_so_for_each_recipient_and_again_when_it_is_cancelled_again()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.SendWithAsync(("to", new[] { "a@there.test", "b@elsewhere.test" }))).String("id");

        var cancelled = await api.DeleteAsync($"/messages/{id}?reason=sent%20by%20mistake");

        Assert.Equal(HttpStatusCode.OK, cancelled.Status);
        Assert.Equal(
            $$"""{"id":"{{id}}","status":"cancelled","recipients":[{"email":"a@there.test","status":"cancelled"},{"email":"b@elsewhere.test","status":"cancelled"}]}""",
            cancelled.Text);
        Assert.Equal(cancelled.Text, (await api.DeleteAsync($"/messages/{id}")).Text);
        var timeline = (await api.GetAsync($"/messages/{id}")).Json.GetProperty("timeline");
        Assert.Equal(3, timeline.GetArrayLength());
        Assert.Equal("sent by mistake", timeline[1].GetProperty("reply").GetString());
    }

    [Fact]
    public async Task A_message_on_its_way_is_a_conflict_that_says_who_may_get_it()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.SendWithAsync(("to", new[] { "a@there.test", "b@elsewhere.test" }))).String("id");
        var leases = await api.Stores.Queue.LeaseDueAsync(new LeaseDemand(1, long.MaxValue, lane => lane.Domain == "there.test" ? null : new Gate()), Cancellation);
        await api.Stores.Queue.TryBeginDotAsync(leases[0], "mx.there.test", Cancellation);

        var answer = (await api.DeleteAsync($"/messages/{id}")).IsProblem(HttpStatusCode.Conflict);

        Assert.Equal(
            """[{"email":"a@there.test","status":"sending"},{"email":"b@elsewhere.test","status":"cancelled"}]""",
            answer.Json.GetProperty("recipients").GetRawText());
    }

    [Fact]
    public async Task A_message_that_ended_is_a_conflict()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.SendWithAsync()).String("id");
        await api.PostAsync("/queue/bounce", """{ "domain": "there.test", "reason": "gone" }""");

        var answer = (await api.DeleteAsync($"/messages/{id}")).IsProblem(HttpStatusCode.Conflict);

        Assert.Equal("bounced", answer.Json.GetProperty("recipients")[0].GetProperty("status").GetString());
    }

    [Fact]
    public async Task What_no_owner_does_in_time_is_accepted_for_later()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.SendWithAsync()).String("id");
        api.Stores.Queue.IsOrphaned = true;
        Assert.Contains("no node", WaitingOf(await api.GetAsync($"/messages/{id}")), StringComparison.Ordinal);

        var cancel = api.DeleteAsync($"/messages/{id}");
        var bounce = api.PostAsync("/queue/bounce", """{ "domain": "there.test", "reason": "gone" }""");
        while (!cancel.IsCompleted || !bounce.IsCompleted)
        {
            // Both wait for two seconds of a clock that stands still.
            api.Stores.Time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(10, Cancellation);
        }

        Assert.Equal(HttpStatusCode.Accepted, (await cancel).Status);
        Assert.Equal("accepted", (await cancel).String("status"));
        Assert.Equal(HttpStatusCode.Accepted, (await bounce).Status);
        Assert.Equal("accepted", (await bounce).String("status"));
    }

    [Fact]
    public async Task A_lane_is_shown_page_by_page()
    {
        await using var api = await ApiUnderTest.StartAsync();
        for (var i = 0; i < 5; i++)
        {
            await api.SendWithAsync(("to", $"u{i}@there.test"));
        }

        var seen = new List<string?>();
        var path = "/queue/lanes/there.test/shop/transactional?limit=2";
        for (string? cursor = null; ;)
        {
            var page = await api.GetAsync(cursor is null ? path : $"{path}&cursor={Uri.EscapeDataString(cursor)}");
            Assert.Equal(5, page.Json.GetProperty("lane").GetProperty("depth").GetInt32());
            seen.AddRange(page.Json.GetProperty("items").EnumerateArray().Select(u => u.GetProperty("recipients")[0].GetString()));
            cursor = page.Json.GetProperty("next").GetString();
            if (cursor is null)
            {
                break;
            }
        }

        Assert.Equal(["u0@there.test", "u1@there.test", "u2@there.test", "u3@there.test", "u4@there.test"], seen.Order());
        (await api.GetAsync($"{path}&cursor=x")).Names(HttpStatusCode.UnprocessableEntity, "cursor");
        (await api.GetAsync("/queue/lanes/nowhere.test/shop/transactional")).IsProblem(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_message_that_was_put_off_tells_when_it_is_tried_again_as_the_queue_has_it()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = (await api.SendWithAsync()).String("id");
        var lease = Assert.Single(await api.Stores.Queue.LeaseDueAsync(new LeaseDemand(1, long.MaxValue, _ => null), Cancellation));
        await api.Stores.Queue.SettleAsync(Relay.Tests.Redis.TestMail.Deferred(lease, api.Stores.Time, TimeSpan.FromHours(1)), Cancellation);
        Assert.Equal("451 4.3.0 later", WaitingOf(await api.GetAsync($"/messages/{id}")));

        var retried = await api.PostAsync("/queue/retry", """{ "domain": "there.test" }""");

        Assert.Equal("""{"status":"done","units":1}""", retried.Text);
        var waiting = (await api.GetAsync($"/messages/{id}")).Json.GetProperty("recipients")[0].GetProperty("waiting");
        Assert.Equal("its next attempt is due", waiting.GetProperty("reason").GetString());
        Assert.Equal("451 4.3.0 later", waiting.GetProperty("lastReply").GetString());
        var unit = (await api.GetAsync($"/queue/messages/{id}")).Json.GetProperty("items")[0];
        Assert.Equal(1, unit.GetProperty("attempts").GetInt32());
        Assert.Equal("451 4.3.0 later", unit.GetProperty("lastReply").GetString());
    }

    private static string WaitingOf(ApiAnswer message) =>
        message.Json.GetProperty("recipients")[0].GetProperty("waiting").GetProperty("reason").GetString()!;
}
