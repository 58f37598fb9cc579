using System.Text.Json;
using Relay.TestKit.Dns;

namespace Relay.ScenarioTests.Harness;

/// <summary>The domain shop.test, as its owner sets it up.</summary>
internal static class SigningDomain
{
    /// <summary>Adds shop.test, publishes all it asks for and has it verified; the key records.</summary>
    public static async Task<IReadOnlyList<(string Name, string Text)>> AddAsync(RelayUnderTest relay, ScriptedDns dns, CancellationToken cancellation)
    {
        var added = (await relay.CommandAsync(cancellation, null, "domain", "add", "shop.test", "--json")).Succeeded();
        var records = JsonElement.Parse(added.Output).GetProperty("records").EnumerateArray()
            .Select(r => (Type: Text(r, "type"), Name: Text(r, "name"), Value: Text(r, "value"), Purpose: Text(r, "purpose"))).ToList();
        foreach (var (type, name, value, _) in records)
        {
            _ = type switch
            {
                "TXT" => dns.Txt(name, value),
                "MX" => dns.Mx(name, (10, value.Split(' ')[1])),
                _ => dns.Cname(name, value),
            };
        }

        var verified = (await relay.CommandAsync(cancellation, null, "domain", "verify", "shop.test", "--json")).Succeeded();
        Assert.Equal("verified", Text(JsonElement.Parse(verified.Output), "status"));
        return [.. records.Where(r => r.Purpose == "dkim").Select(r => (r.Name, r.Value))];
    }

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;
}
