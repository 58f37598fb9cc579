namespace Relay.Faults.Ledgers;

/// <summary>Something we did to relay or store.</summary>
/// <param name="To">When it was over: started again, continued, given back its room.</param>
/// <param name="Connections">To the sinks at that moment, each as often as it may carry a message between dot and answer: no more can have been there.</param>
internal sealed record Strike(StrikeKind Kind, string What, DateTimeOffset From, DateTimeOffset To, int Connections = 0);

public enum StrikeKind
{
    /// <summary>kill -9 of a relay, from outside or at a crash point.</summary>
    RelayKilled,

    /// <summary>SIGTERM of a relay.</summary>
    RelayStopped,

    /// <summary>SIGSTOP until SIGCONT.</summary>
    RelayPaused,

    /// <summary>A relay was cut from its store.</summary>
    RelayCutOff,

    /// <summary>kill -9 of the store, until it answers again.</summary>
    StoreKilled,

    /// <summary>The store was there and did not do its work: paused, full, read-only.</summary>
    StoreAway,

    /// <summary>What was not flushed is gone.</summary>
    PowerCut,

    /// <summary>The same to the machine on which the relay itself runs: its journal, which is not flushed, goes too.</summary>
    MachineCut,

    /// <summary>Another server took the place of the primary.</summary>
    Failover,

    /// <summary>What one server held went to another, and both served meanwhile.</summary>
    SlotsMoved,
}
