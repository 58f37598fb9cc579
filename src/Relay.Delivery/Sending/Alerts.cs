using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Relay.Delivery.Sending;

/// <summary>
/// Tells whoever runs the relay of refusals that do not mend themselves: blocks of our address, mail that proves nothing. Each
/// is counted, and logged once an hour for each site and rule: a block meets every message, and one line is enough to act on.
/// </summary>
internal sealed class Alerts(DeliveryMetrics metrics, TimeProvider time, ILogger<Alerts> logger)
{
    private static readonly TimeSpan Silence = TimeSpan.FromHours(1);

    // Sites that were told of and forgotten since: a second line is the worst that comes of it.
    private const int MaxKnown = 10_000;

    private readonly ConcurrentDictionary<(string Site, string Rule), DateTimeOffset> _told = new();

    public void Raise(string site, Outcome outcome, Contact contact)
    {
        var rule = outcome.Rule!;
        metrics.Alerted(rule);
        if (_told.Count >= MaxKnown)
        {
            _told.Clear();
        }

        var now = time.GetUtcNow();
        var isFirst = _told.TryAdd((site, rule), now)
            || (_told.TryGetValue((site, rule), out var last) && now - last >= Silence && _told.TryUpdate((site, rule), now, last));
        if (isFirst)
        {
            logger.NeedsAttention(contact.Host, rule, outcome.Reply);
        }
    }
}
