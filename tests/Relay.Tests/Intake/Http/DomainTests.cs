using System.Net;
using System.Text.Json;
using Relay.Mail.Domains;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Tests.Mail.Signing;

namespace Relay.Tests.Intake.Http;

public sealed class DomainTests
{
    [Fact]
    public async Task An_account_with_all_the_domains_it_may_have_gets_no_more()
    {
        await using var api = await ApiUnderTest.StartAsync(("Limits:DomainsPerAccount", "2"));
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/domains", """{ "name": "second.test" }""")).Status);

        var refused = (await api.PostAsync("/domains", """{ "name": "third.test" }""")).IsProblem(HttpStatusCode.Conflict);

        Assert.Contains("2 domains", refused.String("detail"), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("/domains", """{ "name": "second.test" }""")).Status);
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync("/domains", """{ "name": "third.test" }""", await api.KeyAsync("other"))).Status);
    }

    [Fact]
    public async Task Whether_it_covers_what_is_below_it_is_said_when_it_is_added_and_later()
    {
        await using var api = await ApiUnderTest.StartAsync();
        Assert.Equal("exact", (await api.PostAsync("/domains", """{ "name": "exact.test", "subdomains": "exact" }""")).String("subdomains"));
        Assert.Equal("allow", (await api.GetAsync("/domains/shop.test")).String("subdomains"));
        Assert.Equal(HttpStatusCode.Accepted, (await api.SendWithAsync(("from", "a@below.shop.test"))).Status);

        Assert.Equal("exact", (await api.PutAsync("/domains/shop.test/subdomains", """{ "subdomains": "exact" }""")).String("subdomains"));

        (await api.SendWithAsync(("from", "a@below.shop.test"))).Names(HttpStatusCode.Forbidden, "from");
        Assert.Equal(HttpStatusCode.Accepted, (await api.SendWithAsync()).Status);
        (await api.PutAsync("/domains/shop.test/subdomains", """{ "subdomains": "some" }""")).Names(HttpStatusCode.UnprocessableEntity, "subdomains");
        (await api.PostAsync("/domains", """{ "name": "other.test", "subdomains": "some" }""")).Names(HttpStatusCode.UnprocessableEntity, "subdomains");
    }

    [Fact]
    public async Task A_domain_is_added_proved_in_the_DNS_and_sent_as_at_once()
    {
        await using var api = await ApiUnderTest.StartAsync();
        (await api.SendWithAsync(("from", "a@mail.new.test"))).IsProblem(HttpStatusCode.Forbidden);

        var added = await api.PostAsync("/domains", """{ "name": "New.test" }""");
        Publish(api, added, record => record.GetProperty("required").GetBoolean());
        var verified = await api.PostAsync($"/domains/{added.String("id")}/verify", "");
        var sent = await api.SendWithAsync(("from", "a@mail.new.test"));

        Assert.Equal(HttpStatusCode.Created, added.Status);
        Assert.Equal(("new.test", "pending"), (added.String("name"), added.String("status")));
        Assert.Equal(("TXT", "_relay.new.test"), (Record(added, "ownership").Text("type"), Record(added, "ownership").Text("name")));
        Assert.StartsWith("relay-verify=", Record(added, "ownership").Text("value"), StringComparison.Ordinal);
        Assert.Equal("verified", verified.String("status"));
        Assert.Equal("verified", Record(verified, "ownership").Text("status"));
        Assert.Equal("missing", Record(verified, "dmarc").Text("status"));
        Assert.Equal(HttpStatusCode.Accepted, sent.Status);
    }

    [Fact]
    public async Task All_records_are_told_with_their_reasons_and_no_private_key()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var added = await api.PostAsync("/domains", """{ "name": "new.test" }""");

        var records = added.Json.GetProperty("records").EnumerateArray().ToList();
        Assert.Equal(
            ["ownership", "dkim", "dkim", "return-path", "return-path-spf", "spf", "dmarc", "tracking"],
            records.Select(record => record.Text("purpose")));
        Assert.Equal([true, true, false, false, false, false, false, false], records.Select(record => record.GetProperty("required").GetBoolean()));
        Assert.All(records, record => Assert.NotEmpty(record.Text("reason") + record.Text("advice")));
        var document = await api.Stores.Accounts.FindDomainAsync("shop", "new.test", TestContext.Current.CancellationToken);
        Assert.All(document!.Keys, key => Assert.DoesNotContain(Convert.ToBase64String(key.PrivateKey)[8..40], added.Text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_records_name_every_address_that_mail_was_set_up_to_leave_from()
    {
        await using var api = await ApiUnderTest.StartAsync(
            ("HostName", "mx.relay.test"),
            ("Delivery:SourceAddresses:0", "192.0.2.5"),
            ("Delivery:Pools:0:Name", "bulk"),
            ("Delivery:Pools:0:Addresses:0:Address", "2001:db8::10"),
            ("Delivery:Pools:0:Addresses:1:Address", "10.0.0.7"),
            ("Delivery:Pools:0:Addresses:1:HostName", "nat.relay.test"));

        var added = await api.PostAsync("/domains", """{ "name": "new.test" }""");

        Assert.Equal("v=spf1 a:mx.relay.test a:nat.relay.test ip4:192.0.2.5 ip6:2001:db8::10 -all", Record(added, "return-path-spf").Text("value"));
        Assert.Equal("10 mx.relay.test", Record(added, "return-path").Text("value"));
    }

    [Fact]
    public async Task A_long_value_is_given_whole_and_cut_into_strings_for_a_zone_file()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var record = Record(await api.PostAsync("/domains", """{ "name": "new.test" }"""), "dkim");

        var strings = record.Text("zoneLine").Split('"').Where((_, index) => index % 2 == 1).ToList();

        Assert.Equal(record.Text("value"), string.Concat(strings));
        Assert.Equal(2, strings.Count);
        Assert.All(strings, text => Assert.InRange(text.Length, 1, 255));
    }

    [Fact]
    public async Task A_record_that_is_not_there_or_another_is_told_apart()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.PostAsync("/domains", """{ "name": "new.test" }""");

        var missing = await api.PostAsync("/domains/new.test/verify", "");
        api.Stores.Records["_relay.new.test"] = ["relay-verify=wrong"];
        var wrong = await api.PostAsync("/domains/new.test/verify", "");
        api.Stores.Records["_relay.new.test"] = null;
        var silent = await api.PostAsync("/domains/new.test/verify", "");

        Assert.Equal("pending", missing.String("status"));
        Assert.Contains("There is no TXT record at _relay.new.test", missing.Text, StringComparison.Ordinal);
        Assert.Contains("another text", wrong.Text, StringComparison.Ordinal);
        silent.IsProblem(HttpStatusCode.ServiceUnavailable);
    }

    [Fact]
    public async Task A_domain_whose_record_is_gone_is_failing_and_after_a_warning_time_no_longer_sent_as()
    {
        await using var api = await ApiUnderTest.StartAsync();
        Assert.Equal(HttpStatusCode.Accepted, (await api.SendWithAsync()).Status);

        var failing = await api.PostAsync("/domains/shop.test/verify", "");

        Assert.Equal("failing", failing.String("status"));
        Assert.Equal(api.Stores.Time.GetUtcNow().AddDays(3), failing.Json.GetProperty("sendsUntil").GetDateTimeOffset());
        Assert.Equal(HttpStatusCode.Accepted, (await api.SendWithAsync()).Status);
        api.Stores.Time.Advance(TimeSpan.FromDays(3));
        (await api.SendWithAsync()).IsProblem(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task What_happened_to_a_domain_is_told_and_first_of_all_that_it_will_stop()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var added = await api.PostAsync("/domains", """{ "name": "new.test" }""");
        Publish(api, added);
        await api.PostAsync("/domains/new.test/verify", "");
        await api.PostAsync("/domains/new.test/verify", "");
        await api.PostAsync("/domains/new.test/rotate?revoke=true", "");
        api.Stores.Records.Clear();
        await api.PostAsync("/domains/new.test/verify", "");
        api.Stores.Time.Advance(TimeSpan.FromDays(3));
        await api.PostAsync("/domains/new.test/verify", "");
        await api.PostAsync("/domains/new.test/verify", "");

        var events = (await api.GetAsync("/domains/new.test")).Json.GetProperty("events").EnumerateArray().ToList();

        Assert.Equal(["verified", "signing", "revoked", "rotated", "failing", "stopped"], events.Select(happened => happened.Text("type")));
        Assert.Contains("_relay.new.test", events[4].Text("text"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_sent_is_signed_with_the_keys_whose_records_were_published()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var added = await api.PostAsync("/domains", """{ "name": "new.test" }""");
        Publish(api, added);
        await api.PostAsync("/domains/new.test/verify", "");

        var sent = await api.SendWithAsync(("from", "a@new.test"), ("html", "<p>Grüße</p>"));
        var alignment = (await api.GetAsync($"/messages/{sent.String("id")}")).Json.GetProperty("alignment");

        var domain = await api.Stores.Accounts.FindDomainAsync("shop", "new.test", TestContext.Current.CancellationToken);
        var content = Assert.Single(api.Stores.Queue.Accepted).Content;
        Assert.Equal((2, 2), PublishedKeys.Of(domain!).Check([.. content.Prologue.Span, .. content.Head.Span]));
        Assert.Equal((true, "new.test", "new.test"), (alignment.GetProperty("aligned").GetBoolean(), alignment.Text("dkim"), alignment.Text("spf")));
    }

    [Fact]
    public async Task New_keys_wait_for_their_records_and_the_old_ones_stay_published_for_a_week()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var added = await api.PostAsync("/domains", """{ "name": "new.test" }""");
        Publish(api, added);
        await api.PostAsync("/domains/new.test/verify", "");

        var rotated = await api.PostAsync("/domains/new.test/rotate", "");
        var again = await api.PostAsync("/domains/new.test/rotate", "");
        var unseen = await api.PostAsync("/domains/new.test/verify", "");
        Publish(api, rotated);
        var seen = await api.PostAsync("/domains/new.test/verify", "");
        api.Stores.Time.Advance(TimeSpan.FromDays(8));
        var late = await api.PostAsync("/domains/new.test/verify", "");

        Assert.Equal(["signing", "signing", "waiting", "waiting"], KeyStates(rotated));
        Assert.Equal(KeyStates(rotated), KeyStates(again));
        Assert.Equal("verified", unseen.String("status"));
        Assert.Equal(["signing", "signing", "waiting", "waiting"], KeyStates(unseen));
        Assert.Equal(["retired", "retired", "signing", "signing"], KeyStates(seen));
        Assert.Equal("verified", seen.String("status"));
        Assert.Equal(["signing", "signing"], KeyStates(late));
    }

    [Fact]
    public async Task A_revoked_key_signs_nothing_more_and_its_record_must_go()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var added = await api.PostAsync("/domains", """{ "name": "new.test" }""");
        Publish(api, added);
        await api.PostAsync("/domains/new.test/verify", "");

        var revoked = await api.PostAsync("/domains/new.test/rotate?revoke=true", "");
        var looked = await api.PostAsync("/domains/new.test/verify", "");

        Assert.Equal(["revoked", "revoked", "signing", "signing"], KeyStates(revoked));
        Assert.Equal("failing", looked.String("status"));
        Assert.Contains("still published", looked.Text, StringComparison.Ordinal);
        var domain = await api.Stores.Accounts.FindDomainAsync("shop", "new.test", TestContext.Current.CancellationToken);
        Assert.All(domain!.Keys.Take(2), key => Assert.Empty(key.PrivateKey));
        (await api.PostAsync("/domains/new.test/rotate?revoke=maybe", "")).Names(HttpStatusCode.UnprocessableEntity, "revoke");
    }

    [Fact]
    public async Task The_receivers_checklist_tells_of_each_line_how_it_stands()
    {
        await using var api = await ApiUnderTest.StartAsync(("HostName", "mx.relay.test"));
        var added = await api.PostAsync("/domains", """{ "name": "new.test" }""");
        Publish(api, added);
        api.Stores.Records.Put("mx.relay.test", RecordType.Address, "192.0.2.1");
        await api.PostAsync("/domains/new.test/verify", "");

        var lines = (await api.GetAsync("/domains/new.test/checklist")).Json.GetProperty("items").EnumerateArray().ToList();

        Assert.Equal(Enumerable.Range(1, 17), lines.Select(line => line.GetProperty("number").GetInt32()));
        Assert.Equal(["good", "good", "good", "good"], lines.Take(4).Select(line => line.Text("status")));
        Assert.Equal("bad", lines[5].Text("status"));
        Assert.Contains("192.0.2.1, which is mx.relay.test, has no PTR record", lines[5].Text("finding"), StringComparison.Ordinal);
        Assert.Equal("unseen", lines[8].Text("status"));
        Assert.All(lines, line => Assert.NotEmpty(line.Text("finding")));
    }

    [Theory]
    [InlineData("true", "an address to write to and no link that unsubscribes by one click")]
    [InlineData("false", "neither a link nor an address to unsubscribe")]
    public async Task Without_an_address_of_its_own_the_checklist_says_what_bulk_mail_gets_to_unsubscribe(string inbound, string words)
    {
        await using var api = await ApiUnderTest.StartAsync(("HostName", "mx.relay.test"), ("Inbound:Enabled", inbound));
        Publish(api, await api.PostAsync("/domains", """{ "name": "new.test" }"""));
        await api.PostAsync("/domains/new.test/verify", "");

        var line = (await api.GetAsync("/domains/new.test/checklist")).Json.GetProperty("items")[7];

        Assert.Equal("bad", line.Text("status"));
        Assert.Contains(words, line.Text("finding"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0, "good", "good")]
    [InlineData(2, 30, "unseen", "unseen")]
    [InlineData(3, 60, "bad", "bad")]
    public async Task How_many_complained_and_bounced_within_a_week_is_told(int complaints, int bounces, string complaintLine, string bounceLine)
    {
        await using var api = await ApiUnderTest.StartAsync(("Http:PublicUrl", "https://relay.test"));
        var message = MessageId.Create(api.Stores.Time);
        void Happened(MailEventType type, int count, int daysAgo = 0)
        {
            for (var i = 0; i < count; i++)
            {
                api.Stores.Queue.Activity.Add(new MailEvent { Time = api.Stores.Time.GetUtcNow().AddDays(-daysAgo), Type = type, Message = message, Account = "shop" });
            }
        }

        Happened(MailEventType.Delivered, 1_000);
        Happened(MailEventType.Complained, complaints);
        Happened(MailEventType.Bounced, bounces);
        Happened(MailEventType.Complained, 50, daysAgo: 8);

        var lines = (await api.GetAsync("/domains/shop.test/checklist")).Json.GetProperty("items").EnumerateArray().ToList();

        Assert.Equal((complaintLine, bounceLine), (lines[8].Text("status"), lines[11].Text("status")));
        Assert.Contains($"{complaints} of 1000 messages", lines[8].Text("finding"), StringComparison.Ordinal);
        Assert.Equal("good", lines[7].Text("status"));
    }

    [Fact]
    public async Task A_domain_added_twice_is_the_same_and_a_removed_one_is_gone()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var first = await api.PostAsync("/domains", """{ "name": "bücher.test" }""");
        var second = await api.PostAsync("/domains", """{ "name": "xn--bcher-kva.test" }""");

        Assert.Equal(first.Text, second.Text);
        Assert.Equal(HttpStatusCode.OK, second.Status);
        Assert.Equal(2, (await api.GetAsync("/domains")).Json.GetProperty("items").GetArrayLength());
        Assert.Equal(HttpStatusCode.NoContent, (await api.DeleteAsync($"/domains/{first.String("id")}")).Status);
        (await api.GetAsync($"/domains/{first.String("id")}")).IsProblem(HttpStatusCode.NotFound);
        Assert.Equal(HttpStatusCode.NoContent, (await api.DeleteAsync("/domains/shop.test")).Status);
        (await api.SendWithAsync()).IsProblem(HttpStatusCode.Forbidden);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{ "name": "test" }""")]
    [InlineData("""{ "name": "[192.0.2.1]" }""")]
    [InlineData("""{ "name": "a b.test" }""")]
    [InlineData("""{ "name": "a..test" }""")]
    [InlineData("""{ "name": "a.test\r\n" }""")]
    public async Task What_is_no_domain_is_refused(string json)
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.PostAsync("/domains", json)).Names(HttpStatusCode.UnprocessableEntity, "name");
    }

    [Fact]
    public async Task Another_accounts_domain_is_no_different_from_none()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var stranger = await api.KeyAsync("stranger");

        (await api.GetAsync("/domains/dom_1", stranger)).IsProblem(HttpStatusCode.NotFound);
        (await api.GetAsync("/domains/shop.test", stranger)).IsProblem(HttpStatusCode.NotFound);
        (await api.PostAsync("/domains/dom_1/verify", "", stranger)).IsProblem(HttpStatusCode.NotFound);
        (await api.PostAsync("/domains/dom_1/rotate?revoke=true", "", stranger)).IsProblem(HttpStatusCode.NotFound);
        (await api.GetAsync("/domains/dom_1/checklist", stranger)).IsProblem(HttpStatusCode.NotFound);
        (await api.DeleteAsync("/domains/dom_1", stranger)).IsProblem(HttpStatusCode.NotFound);
        Assert.Equal(0, (await api.GetAsync("/domains", stranger)).Json.GetProperty("items").GetArrayLength());
        Assert.NotNull(await api.Stores.Accounts.FindDomainAsync("shop", "shop.test", TestContext.Current.CancellationToken));
    }

    private static void Publish(ApiUnderTest api, ApiAnswer domain, Func<JsonElement, bool>? only = null)
    {
        foreach (var record in domain.Json.GetProperty("records").EnumerateArray().Where(only ?? (_ => true)))
        {
            api.Stores.Records.Put(record.Text("name"), Enum.Parse<RecordType>(record.Text("type"), ignoreCase: true), record.Text("value"));
        }
    }

    private static JsonElement Record(ApiAnswer domain, string purpose) =>
        domain.Json.GetProperty("records").EnumerateArray().First(record => record.Text("purpose") == purpose);

    private static IEnumerable<string> KeyStates(ApiAnswer domain) =>
        domain.Json.GetProperty("keys").EnumerateArray().Select(key => key.Text("status"));
}

internal static class JsonText
{
    public static string Text(this JsonElement json, string name) => json.GetProperty(name).GetString() ?? "";
}
