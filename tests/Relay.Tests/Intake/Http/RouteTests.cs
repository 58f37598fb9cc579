using System.Net;
using Relay.Mail.Accounts;

namespace Relay.Tests.Intake.Http;

public sealed class RouteTests
{
    [Fact]
    public async Task A_route_to_a_webhook_shows_its_secret_once()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var made = await api.PostAsync("/routes", """{ "match": "Help.shop.test", "webhook": "https://hooks.shop.test/mail" }""");
        var listed = await api.GetAsync("/routes");

        Assert.Equal(HttpStatusCode.Created, made.Status);
        Assert.Equal(("help.shop.test", "https://hooks.shop.test/mail"), (made.String("match"), made.String("webhook")));
        Assert.StartsWith("whsec_", made.String("secret"), StringComparison.Ordinal);
        Assert.Equal(32, Convert.FromBase64String(made.String("secret")["whsec_".Length..]).Length);
        Assert.StartsWith("10 ", made.String("mx"), StringComparison.Ordinal);
        Assert.DoesNotContain("whsec_", listed.Text, StringComparison.Ordinal);
        Assert.Equal(made.String("id"), listed.Json.GetProperty("items")[0].GetProperty("id").GetString());

        Assert.Equal(HttpStatusCode.NoContent, (await api.DeleteAsync($"/routes/{made.String("id")}")).Status);
        Assert.Equal(0, (await api.GetAsync("/routes")).Json.GetProperty("items").GetArrayLength());
    }

    [Theory]
    [InlineData("""{ "webhook": "https://hooks.shop.test/" }""", "match")]
    [InlineData("""{ "match": "help", "webhook": "https://hooks.shop.test/" }""", "match")]
    [InlineData("""{ "match": "help.elsewhere.test", "webhook": "https://hooks.shop.test/" }""", "match")]
    [InlineData("""{ "match": "a@elsewhere.test", "forwardTo": "b@there.test" }""", "match")]
    [InlineData("""{ "match": "help.shop.test", "webhook": "http://hooks.shop.test/" }""", "webhook")]
    [InlineData("""{ "match": "help.shop.test", "webhook": "https://me:secret@hooks.shop.test/" }""", "webhook")]
    [InlineData("""{ "match": "help.shop.test", "webhook": "file:///etc/passwd" }""", "webhook")]
    [InlineData("""{ "match": "help.shop.test", "forwardTo": "nobody" }""", "forwardTo")]
    [InlineData("""{ "match": "help.shop.test", "webhook": "https://hooks.shop.test/", "forwardTo": "b@there.test" }""", "forwardTo")]
    public async Task What_is_wrong_is_named(string json, string field)
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.PostAsync("/routes", json)).Names(HttpStatusCode.UnprocessableEntity, field);
    }

    [Fact]
    public async Task No_account_sees_or_removes_the_route_of_another()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var made = await api.PostAsync("/routes", """{ "match": "bills@shop.test", "forwardTo": "books@there.test" }""");
        var other = await api.KeyAsync("other");

        Assert.Equal(0, (await api.GetAsync("/routes", other)).Json.GetProperty("items").GetArrayLength());
        (await api.DeleteAsync($"/routes/{made.String("id")}", other)).IsProblem(HttpStatusCode.NotFound);
        (await api.PostAsync("/routes", """{ "match": "bills@shop.test", "forwardTo": "me@there.test" }""")).IsProblem(HttpStatusCode.Conflict);
        (await api.PostAsync("/routes", """{ "match": "other@shop.test", "forwardTo": "me@there.test" }""", other)).Names(HttpStatusCode.UnprocessableEntity, "match");
    }

    [Fact]
    public async Task Who_has_the_domain_now_takes_the_place_of_who_had_it()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var other = await api.KeyAsync("other");
        await api.PostAsync("/routes", """{ "match": "bills@shop.test", "forwardTo": "books@there.test" }""");
        await api.Stores.Accounts.RemoveDomainAsync("shop", "shop.test", TestContext.Current.CancellationToken);
        await api.Stores.Accounts.PutDomainAsync(
            new SendingDomain("dom_2", "other", "shop.test", "token", SendingDomainStatus.Verified, api.Stores.Time.GetUtcNow(), null), TestContext.Current.CancellationToken);
        api.Stores.Time.Advance(TimeSpan.FromSeconds(11));

        var made = await api.PostAsync("/routes", """{ "match": "bills@shop.test", "forwardTo": "me@there.test" }""", other);

        Assert.Equal(HttpStatusCode.Created, made.Status);
        Assert.Equal(made.String("id"), (await api.GetAsync("/routes", other)).Json.GetProperty("items")[0].GetProperty("id").GetString());
        Assert.Equal(0, (await api.GetAsync("/routes")).Json.GetProperty("items").GetArrayLength());
    }
}
