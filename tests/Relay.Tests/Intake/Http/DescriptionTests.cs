using System.Text.Json;

namespace Relay.Tests.Intake.Http;

/// <summary>
/// The description names every answer that may come. What the handlers themselves say is compared with it in every test of the
/// API (<see cref="ApiUnderTest"/>); here stands what holds for all of them.
/// </summary>
public sealed class DescriptionTests
{
    [Fact]
    public async Task Each_route_with_a_key_names_what_may_be_said_of_the_key_of_the_account_and_of_the_store()
    {
        await using var api = await ApiUnderTest.StartAsync();

        foreach (var (name, operation) in await OperationsAsync(api))
        {
            string[] expected = operation.TryGetProperty("security", out _) ? ["401", "403", "404", "422", "429", "503"] : ["404"];
            Assert.All(expected, status => Assert.True(operation.GetProperty("responses").TryGetProperty(status, out _), $"{name} does not name {status}"));
        }
    }

    [Fact]
    public async Task Each_route_that_reads_JSON_names_what_may_be_said_of_a_body()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var reading = (await OperationsAsync(api)).Where(o => o.Operation.TryGetProperty("requestBody", out var body)
            && body.GetProperty("content").TryGetProperty("application/json", out _)).ToList();

        Assert.True(reading.Count >= 10, "the description names fewer bodies than there are");
        foreach (var (name, operation) in reading)
        {
            foreach (var status in new[] { "400", "413", "415" })
            {
                Assert.True(operation.GetProperty("responses").TryGetProperty(status, out var answer), $"{name} does not name {status}");
                Assert.True(answer.GetProperty("content").TryGetProperty("application/problem+json", out _), name);
            }
        }
    }

    [Fact]
    public async Task The_variables_of_a_template_are_any_object()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var schemas = (await api.GetAsync("/openapi/v1.json")).Json.GetProperty("components").GetProperty("schemas");

        Assert.Equal("""{"type":"object"}""", JsonSerializer.Serialize(schemas.GetProperty("Map")));
        Assert.False(schemas.TryGetProperty("Value", out _));
        Assert.Contains("/Map", schemas.GetProperty("SendRequest").GetProperty("properties").GetProperty("variables").GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_one_will_do_a_list_or_one_is_described()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var schemas = (await api.GetAsync("/openapi/v1.json")).Json.GetProperty("components").GetProperty("schemas");

        var to = schemas.GetProperty("SendRequest").GetProperty("properties").GetProperty("to").GetProperty("anyOf");
        Assert.Contains("array", to[0].GetProperty("type").GetRawText(), StringComparison.Ordinal);
        Assert.EndsWith("/AddressInput", to[0].GetProperty("items").GetProperty("$ref").GetString(), StringComparison.Ordinal);
        Assert.EndsWith("/AddressInput", to[1].GetProperty("$ref").GetString(), StringComparison.Ordinal);
        var scopes = schemas.GetProperty("KeyRequest").GetProperty("properties").GetProperty("scopes").GetProperty("anyOf");
        Assert.Equal("\"string\"", scopes[1].GetProperty("type").GetRawText());
    }

    private static async Task<List<(string Name, JsonElement Operation)>> OperationsAsync(ApiUnderTest api) =>
    [
        .. (await api.GetAsync("/openapi/v1.json")).Json.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(operation => ($"{operation.Name} {path.Name}", operation.Value))),
    ];
}
