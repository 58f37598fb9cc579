using Relay.Faults.Ledgers;

namespace Relay.Faults.Sink;

/// <summary>How a sink behaves at the points where it has a choice. By default it takes everything.</summary>
internal sealed record SinkMood
{
    public static readonly SinkMood Kind = new();

    /// <summary>What a connection is greeted with; null is 220. Anything else ends it.</summary>
    public Func<string?> Greeting { get; init; } = () => null;

    /// <summary>The reply to a recipient; null is 250.</summary>
    public Func<string, string?> Recipient { get; init; } = _ => null;

    /// <summary>What becomes of a whole message, by its token and first recipient.</summary>
    public Func<string, SinkAct> Dot { get; init; } = _ => SinkAct.Accept;

    /// <summary>Agrees to STARTTLS and never shakes hands.</summary>
    public bool StallsHandshake { get; init; }

    /// <summary>Offers CHUNKING, so that a relay may have so many messages unanswered on one connection; 1 offers none.</summary>
    public int MessagesInFlight { get; init; } = 1;

    /// <summary>Octets read at a time, with a pause of <see cref="ReadPause"/> after each; 0 is as fast as they come.</summary>
    public int ReadOctets { get; init; }

    public TimeSpan ReadPause { get; init; }

    /// <summary>Before every reply.</summary>
    public TimeSpan ReplyPause { get; init; }
}

/// <summary>What a sink does with one message.</summary>
/// <param name="Reply">Null says nothing.</param>
/// <param name="After">How long it waits before it does so.</param>
internal sealed record SinkAct(SinkAnswer Answer, string? Reply, TimeSpan After = default)
{
    public static readonly SinkAct Accept = new(SinkAnswer.Accepted, "250 2.0.0 Ok");

    /// <summary>Takes it, and closes without a word.</summary>
    public static readonly SinkAct AcceptUnheard = new(SinkAnswer.AcceptedUnheard, null);

    /// <summary>Takes it, and resets the connection.</summary>
    public static readonly SinkAct AcceptThenReset = new(SinkAnswer.AcceptedThenReset, null);

    public static SinkAct AcceptLate(TimeSpan after) => new(SinkAnswer.AcceptedLate, "250 2.0.0 Ok at last", after);

    public static SinkAct Defer(string reply) => new(SinkAnswer.Deferred, reply);

    public static SinkAct Refuse(string reply) => new(SinkAnswer.Refused, reply);

    public bool Closes => Answer is SinkAnswer.AcceptedUnheard or SinkAnswer.AcceptedThenReset || Reply?.StartsWith("421", StringComparison.Ordinal) == true;
}
