using System.Text.Json;
using Relay.Faults.Clients;
using Relay.Faults.Ledgers;
using Relay.TestKit.Relays;

namespace Relay.Faults.Stages;

/// <summary>Fills the event ledger: every message that an account's list shows, with its timeline.</summary>
internal sealed class EventReader(RelayUnderTest relay, LedgerBook book)
{
    private const string SubjectPrefix = "ledger ";
    private const int AtOnce = 8;

    public async Task ReadAsync(Tenant tenant, CancellationToken cancellation)
    {
        for (var cursor = ""; cursor is not null;)
        {
            var page = await relay.WaitForAsync($"/messages?limit=500{cursor}", _ => true, cancellation, tenant.Key);
            var messages = page.GetProperty("items").EnumerateArray()
                .Select(m => (Id: m.GetProperty("id").GetString()!, Subject: m.GetProperty("subject").GetString()!))
                .Where(m => m.Subject.StartsWith(SubjectPrefix, StringComparison.Ordinal))
                .Select(m => new Listed(m.Subject[SubjectPrefix.Length..], m.Id, tenant.Account))
                .ToList();
            await Parallel.ForEachAsync(messages, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation }, async (listed, token) =>
            {
                book.Add(listed);
                var message = await relay.WaitForAsync($"/messages/{listed.Id}", _ => true, token, tenant.Key);
                foreach (var happened in message.GetProperty("timeline").EnumerateArray())
                {
                    book.Add(ToldOf(listed, happened));
                }
            });

            cursor = page.GetProperty("next").GetString() is { } next ? $"&cursor={next}" : null;
        }
    }

    private static Told ToldOf(Listed listed, JsonElement happened) => new(
        listed.Token,
        listed.Id,
        Text(happened, "recipient"),
        happened.GetProperty("type").GetString()!,
        happened.GetProperty("time").GetDateTimeOffset(),
        happened.TryGetProperty("attempt", out var attempt) && attempt.ValueKind == JsonValueKind.Number ? attempt.GetInt32() : null,
        Text(happened, "reply"),
        happened.TryGetProperty("mayHaveBeenDelivered", out var may) && may.ValueKind == JsonValueKind.True);

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetString() : null;
}
