using System.Net;

namespace Relay.Tests.Intake.Http;

public sealed class DomainTests
{
    [Fact]
    public async Task A_domain_is_added_proved_in_the_DNS_and_sent_as_at_once()
    {
        await using var api = await ApiUnderTest.StartAsync();
        (await api.SendWithAsync(("from", "a@mail.new.test"))).IsProblem(HttpStatusCode.Forbidden);

        var added = await api.PostAsync("/domains", """{ "name": "New.test" }""");
        var record = added.Json.GetProperty("records")[0];
        api.Stores.Records["_relay.new.test"] = ["other", record.GetProperty("value").GetString()!];
        var verified = await api.PostAsync($"/domains/{added.String("id")}/verify", "");
        var sent = await api.SendWithAsync(("from", "a@mail.new.test"));

        Assert.Equal(HttpStatusCode.Created, added.Status);
        Assert.Equal(("new.test", "pending"), (added.String("name"), added.String("status")));
        Assert.Equal(("TXT", "_relay.new.test", "ownership"), (record.GetProperty("type").GetString(), record.GetProperty("name").GetString(), record.GetProperty("purpose").GetString()));
        Assert.StartsWith("relay-verify=", record.GetProperty("value").GetString(), StringComparison.Ordinal);
        Assert.True(record.GetProperty("required").GetBoolean());
        Assert.Equal("verified", verified.String("status"));
        Assert.Equal("verified", verified.Json.GetProperty("records")[0].GetProperty("status").GetString());
        Assert.Equal(HttpStatusCode.Accepted, sent.Status);
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
    public async Task A_domain_whose_record_is_gone_is_failing_and_no_longer_sent_as()
    {
        await using var api = await ApiUnderTest.StartAsync();
        Assert.Equal(HttpStatusCode.Accepted, (await api.SendWithAsync()).Status);

        var failing = await api.PostAsync("/domains/shop.test/verify", "");

        Assert.Equal("failing", failing.String("status"));
        (await api.SendWithAsync()).IsProblem(HttpStatusCode.Forbidden);
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
        (await api.DeleteAsync("/domains/dom_1", stranger)).IsProblem(HttpStatusCode.NotFound);
        Assert.Equal(0, (await api.GetAsync("/domains", stranger)).Json.GetProperty("items").GetArrayLength());
        Assert.NotNull(await api.Stores.Accounts.FindDomainAsync("shop", "shop.test", TestContext.Current.CancellationToken));
    }
}
