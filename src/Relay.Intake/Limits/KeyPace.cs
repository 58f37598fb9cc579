using Relay.Mail.Accounts;
using Relay.Mail.Sites;

namespace Relay.Intake.Limits;

/// <summary>
/// Gives each message of a key with a rate its turn in time. What comes too fast is taken in and due later, so that the queue
/// itself does the waiting. Each node has an even part of the rate.
/// </summary>
internal sealed class KeyPace(ISiteBoard board, TimeProvider time)
{
    // A second's worth goes at once, as with the rates of accounts.
    private static readonly TimeSpan Burst = TimeSpan.FromSeconds(1);

    // What is behind the present says nothing any more; so many at once are ahead of it in no installation.
    private const int Capacity = 20_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, DateTimeOffset> _next = new(StringComparer.Ordinal);

    /// <summary>When the next message of the key may go; null for now. It counts.</summary>
    public DateTimeOffset? TakeTurn(Credential credential)
    {
        if (credential.Limits?.PerSecond is not { } perSecond)
        {
            return null;
        }

        var now = time.GetUtcNow();
        var step = TimeSpan.FromSeconds(board.Nodes / perSecond);
        lock (_lock)
        {
            if (_next.Count >= Capacity)
            {
                Forget(now);
            }

            var turn = _next.TryGetValue(credential.Id, out var next) && next > now ? next : now;
            _next[credential.Id] = turn + step;
            return turn - Burst > now ? turn - Burst : null;
        }
    }

    private void Forget(DateTimeOffset now)
    {
        foreach (var over in _next.Where(key => key.Value <= now).Select(key => key.Key).ToList())
        {
            _next.Remove(over);
        }
    }
}
