using System.Net;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.TestKit;

namespace Relay.Tests.Intake.Http;

/// <summary>Who writes a program reads <c>ops/guide/http-api.md</c>: it names every route, what it does, and what a key needs for it.</summary>
public sealed class DescribedRoutesTests
{
    private const string Guide = "http-api.md";

    private static readonly List<(string Route, string Needs, string Does)> Described =
        [.. Guides.Rows(Guide).Select(row => (Guides.Code(row[0]).Single(), row[1].Trim('`'), row[2]))];

    [Fact]
    public async Task Every_route_is_described_as_it_describes_itself()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var routes = (await api.GetAsync("/openapi/v1.json")).Json.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject()
            .Select(operation => $"{operation.Name.ToUpperInvariant()} {path.Name}: {operation.Value.GetProperty("summary").GetString()}"));

        Assert.Equal(routes.Order(StringComparer.Ordinal), Described.Select(row => $"{row.Route}: {row.Does}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_key_without_what_a_route_needs_is_refused_and_one_with_it_is_not()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var scopes = Enum.GetValues<CredentialScope>();
        var keys = new Dictionary<string, string> { ["a key"] = await api.KeyAsync("other", MessageMode.Live, scopes), ["the admin key"] = ApiUnderTest.AdminKey };
        var lacking = new Dictionary<string, string> { ["the admin key"] = keys["a key"] };
        foreach (var scope in scopes)
        {
            var word = scope.ToString().ToLowerInvariant();
            keys[word] = await api.KeyAsync("other", MessageMode.Live, scope);
            lacking[word] = await api.KeyAsync("other", MessageMode.Live, [.. scopes.Where(s => s != scope)]);
        }

        foreach (var (route, needs, _) in Described.Where(row => row.Needs != "no key"))
        {
            Assert.NotEqual(HttpStatusCode.Forbidden, await StatusAsync(route, keys[needs]));
            if (needs != "a key")
            {
                Assert.Equal((route, HttpStatusCode.Forbidden), (route, await StatusAsync(route, lacking[needs])));
            }
        }

        async Task<HttpStatusCode> StatusAsync(string route, string key)
        {
            var (method, path) = route.Split(' ') is [var verb, var rest] ? (new HttpMethod(verb), rest) : throw new InvalidOperationException(route);
            var json = method == HttpMethod.Post || method == HttpMethod.Put ? "{}" : null;
            return (await api.CallAsync(method, path.Replace("{", "", StringComparison.Ordinal).Replace("}", "", StringComparison.Ordinal), json, key)).Status;
        }
    }
}
