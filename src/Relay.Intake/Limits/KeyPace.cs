using Relay.Mail.Accounts;
using Relay.Mail.Sites;

namespace Relay.Intake.Limits;

/// <summary>
/// Gives each message of a key with a rate its turn in time. What comes too fast is taken in and due later, so that the queue
/// itself does the waiting. Each node that takes mail in has an even part of the rate: a turn that was given cannot be taken back for another node.
/// </summary>
internal sealed class KeyPace(ISiteBoard board, TimeProvider time)
{
    // A second's worth goes at once, as with the rates of accounts.
    private static readonly TimeSpan Burst = TimeSpan.FromSeconds(1);

    // What is behind the present says nothing any more; so many at once are ahead of it in no installation.
    private const int Capacity = 20_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Pace> _paces = new(StringComparer.Ordinal);

    /// <summary>When the next message of the key may go; null for now. It counts.</summary>
    public DateTimeOffset? TakeTurn(Credential credential)
    {
        if (credential.Limits?.PerSecond is not { } perSecond)
        {
            return null;
        }

        var now = time.GetUtcNow();
        var step = TimeSpan.FromSeconds(board.Doors / perSecond);
        lock (_lock)
        {
            if (_paces.Count >= Capacity)
            {
                Forget(now);
            }

            var turn = _paces.TryGetValue(credential.Id, out var pace) ? pace.TurnAt(now, step) : now;
            _paces[credential.Id] = new Pace(turn + step, step);
            return turn - Burst > now ? turn - Burst : null;
        }
    }

    /// <summary>The message whose turn was taken was not accepted: the next one has it.</summary>
    public void GiveBack(Credential credential)
    {
        lock (_lock)
        {
            if (_paces.TryGetValue(credential.Id, out var pace))
            {
                _paces[credential.Id] = pace with { Next = pace.Next - pace.Step };
            }
        }
    }

    private void Forget(DateTimeOffset now)
    {
        foreach (var over in _paces.Where(key => key.Value.Next <= now).Select(key => key.Key).ToList())
        {
            _paces.Remove(over);
        }
    }

    /// <param name="Step">From one turn to the next, when the last one was taken.</param>
    private readonly record struct Pace(DateTimeOffset Next, TimeSpan Step)
    {
        // So many messages are ahead as were, however long each takes by now.
        public DateTimeOffset TurnAt(DateTimeOffset now, TimeSpan step) =>
            Next <= now ? now
            : step == Step ? Next
            : now + ((Next - now) / Step * step);
    }
}
