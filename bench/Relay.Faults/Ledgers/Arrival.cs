using System.Text.Json.Serialization;

namespace Relay.Faults.Ledgers;

/// <summary>One final dot that reached a sink, and what the sink did: one line of the sink ledger.</summary>
/// <param name="Token">Null where the header holds none: a report of the relay itself.</param>
/// <param name="ReceivedLines">Received fields in the header; each relay on the way adds one.</param>
internal sealed record Arrival(
    string? Token,
    string Sink,
    int Session,
    IReadOnlyList<string> Recipients,
    string BodyHash,
    int ReceivedLines,
    DateTimeOffset At,
    SinkAnswer Answer,
    bool IsEncrypted = false)
{
    /// <summary>
    /// What is wrong with the DKIM signatures, where the relay is to sign. Looked at when all is over: a sink that computed before it
    /// answered would hold the relay between dot and answer, which is where the faults are to find it seldom.
    /// </summary>
    [JsonIgnore]
    public Lazy<string?>? SignatureFault { get; init; }

    /// <summary>The recipients have it, whatever the relay knows of that.</summary>
    public bool IsAcceptance => Answer is SinkAnswer.Accepted or SinkAnswer.AcceptedUnheard or SinkAnswer.AcceptedLate or SinkAnswer.AcceptedThenReset;

    /// <summary>It was the sink that kept the relay from knowing.</summary>
    public bool WasHidden => IsAcceptance && Answer != SinkAnswer.Accepted;
}

public enum SinkAnswer
{
    /// <summary>250, at once.</summary>
    Accepted,

    /// <summary>Taken; the connection was closed without a word.</summary>
    AcceptedUnheard,

    /// <summary>Taken; 250 came later than the relay waits.</summary>
    AcceptedLate,

    /// <summary>Taken; RST instead of 250.</summary>
    AcceptedThenReset,

    /// <summary>4yz.</summary>
    Deferred,

    /// <summary>5yz.</summary>
    Refused,
}
