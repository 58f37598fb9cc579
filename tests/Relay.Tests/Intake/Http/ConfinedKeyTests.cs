using System.Net;

namespace Relay.Tests.Intake.Http;

/// <summary>
/// Every route that the description names and that changes something, called with a key that is for a part of what its
/// account does. A route that is new fails here until it refuses such keys, or it is said why it need not.
/// </summary>
public sealed class ConfinedKeyTests
{
    // Of one mail; or it adds something beside what there is, which nothing depends on yet; or it only looks.
    private static readonly HashSet<string> OfAPart =
        ["POST /send", "POST /send/batch", "DELETE /messages/{id}", "POST /domains", "POST /domains/{id}/verify", "POST /templates/{id}/preview"];

    // A test key makes and ends test keys.
    private static readonly HashSet<string> OfTests = ["POST /keys", "DELETE /keys/{id}", "PUT /keys/{id}/limits"];

    [Theory]
    [InlineData(""" "domains": "shop.test" """)]
    [InlineData(""" "addressRanges": "127.0.0.0/8" """)]
    [InlineData(""" "expiresAt": "2026-04-01T00:00:00Z" """)]
    [InlineData(""" "limits": { "perDay": 1 } """)]
    [InlineData(""" "limits": { "perSecond": 1 } """)]
    public async Task A_key_for_a_part_changes_nothing_for_the_whole_account(string confined)
    {
        await using var api = await ApiUnderTest.StartAsync(("Http:PublicUrl", "https://relay.test"));
        var key = (await api.PostAsync("/keys", $$"""{ "name": "a", {{confined}} }""")).String("key");

        foreach (var (name, answer) in await TryAllAsync(api, key))
        {
            if (OfAPart.Contains(name))
            {
                Assert.True(answer.Status != HttpStatusCode.Forbidden, $"{name}: {answer.Text}");
            }
            else
            {
                Assert.Contains("a key that is limited itself", answer.IsProblem(HttpStatusCode.Forbidden).String("detail"), StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task A_test_key_changes_nothing_that_live_mail_depends_on()
    {
        await using var api = await ApiUnderTest.StartAsync(("Http:PublicUrl", "https://relay.test"));
        var key = (await api.PostAsync("/keys", """{ "name": "a", "mode": "test" }""")).String("key");

        foreach (var (_, answer) in (await TryAllAsync(api, key)).Where(tried => !OfAPart.Contains(tried.Name) && !OfTests.Contains(tried.Name)))
        {
            Assert.Contains("a test key", answer.IsProblem(HttpStatusCode.Forbidden).String("detail"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_belongs_to_a_part_of_the_account_can_be_changed_by_a_key_for_all_of_it()
    {
        await using var api = await ApiUnderTest.StartAsync(("Http:PublicUrl", "https://relay.test"));

        foreach (var (name, answer) in await TryAllAsync(api, api.Key))
        {
            Assert.True(answer.Status != HttpStatusCode.Forbidden, $"{name}: {answer.Text}");
        }
    }

    private static async Task<List<(string Name, ApiAnswer Answer)>> TryAllAsync(ApiUnderTest api, string key)
    {
        var tried = new List<(string, ApiAnswer)>();
        foreach (var path in (await api.GetAsync("/openapi/v1.json")).Json.GetProperty("paths").EnumerateObject())
        {
            foreach (var (method, operation) in path.Value.EnumerateObject().Select(o => (o.Name.ToUpperInvariant(), o.Value)))
            {
                if (method == "GET" || !operation.TryGetProperty("security", out _))
                {
                    continue;
                }

                var answer = await api.CallAsync(
                    new HttpMethod(method), path.Name.Replace("{", "", StringComparison.Ordinal).Replace("}", "", StringComparison.Ordinal), method == "DELETE" ? null : "{}", key);
                if (answer.Status != HttpStatusCode.Forbidden || !answer.String("detail").StartsWith("only the admin key may do this", StringComparison.Ordinal))
                {
                    tried.Add(($"{method} {path.Name}", answer));
                }
            }
        }

        Assert.True(tried.Count > 15, "the description names fewer routes than there are");
        return tried;
    }
}
