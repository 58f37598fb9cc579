using System.Text.Json;
using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.TestKit.Relays;
using StackExchange.Redis;

namespace Relay.Faults.Stages;

/// <summary>I8: what still waits when all should be drained, and all that the store and the relay know of why.</summary>
internal sealed class LeftUnits(ConnectionMultiplexer eyes, RelayUnderTest relay, IReadOnlyList<Tenant> tenants)
{
    // More of them would say the same.
    private const int Described = 12;

    private readonly IDatabase _store = eyes.GetDatabase();

    public async Task<IReadOnlyList<Finding>> LookAsync(string since, CancellationToken cancellation)
    {
        var findings = new List<Finding>();
        var left = 0;
        await foreach (var key in StoreEyes.KeysAsync(eyes, cancellation))
        {
            if (!key.Part.StartsWith("lane:", StringComparison.Ordinal))
            {
                continue;
            }

            foreach (var entry in await _store.SortedSetRangeByScoreWithScoresAsync(key.Name))
            {
                if (++left <= Described)
                {
                    var lane = key.Part["lane:".Length..];
                    findings.Add(new Finding("I8", entry.Element.ToString(), $"waits {since}; {await StoreSaysAsync(key.Partition, lane, entry)}; {await RelaySaysAsync(lane, entry.Element!, cancellation)}"));
                }
            }
        }

        return left <= Described ? findings : [.. findings, new Finding("I8", $"{left - Described} others", $"wait {since}")];
    }

    private async Task<string> StoreSaysAsync(string partition, string lane, SortedSetEntry entry)
    {
        var unit = entry.Element.ToString();
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var owner = await _store.StringGetAsync(partition + "lease");
        var settled = await _store.StringGetAsync(partition + "settled");
        var bound = await _store.SortedSetScoreAsync(partition + "lanes", lane);
        var state = await _store.StringGetAsync($"{partition}u:{unit}");
        var record = await _store.KeyExistsAsync($"{partition}m:{unit.Split('/')[0]}");
        var dot = (await _store.HashKeysAsync(partition + "dots")).Any(note => note.ToString().StartsWith($"{unit} ", StringComparison.Ordinal));
        var late = await _store.ListLengthAsync(partition + "late");
        return $"store: lane {lane} in {partition} due {Ago(now - (long)entry.Score)}, lower bound {(bound is { } due ? Ago(now - (long)due) : "missing")}, "
            + $"record {(record ? "there" : "missing")}, state {(state.IsNull ? "none" : state)}, {(dot ? "in dots, " : "")}late {late}, owner {(owner.IsNull ? "nobody" : owner)}, settled {settled}";
    }

    private async Task<string> RelaySaysAsync(string lane, string unit, CancellationToken cancellation)
    {
        try
        {
            // domain|account|class
            var tenant = tenants.FirstOrDefault(t => t.Account == lane.Split('|')[1]);
            var message = await relay.GetAsync($"/messages/{unit.Split('/')[0]}", cancellation, tenant?.Key);
            var domain = "@" + lane.Split('|')[0];
            var waits = message.GetProperty("recipients").EnumerateArray()
                .Where(r => Text(r, "email").EndsWith(domain, StringComparison.Ordinal))
                .Select(r => $"{Text(r, "status")}{(r.TryGetProperty("waiting", out var w) ? $" {w}" : "")}");
            var last = message.GetProperty("timeline").EnumerateArray().LastOrDefault();
            return $"relay: {string.Join(", ", waits)}; last told {last}";
        }
        catch (Exception e) when (e is HttpRequestException or Xunit.Sdk.XunitException or JsonException)
        {
            return $"relay: {e.Message}";
        }
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static string Ago(long milliseconds) => milliseconds < 0 ? $"in {-milliseconds / 1000.0:0.0} s" : $"{milliseconds / 1000.0:0.0} s ago";
}
