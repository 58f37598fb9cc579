namespace Relay.Mail.Queue;

/// <summary>What the store promises and whether it answers: for <c>/health</c>, the start-up log and <c>relay doctor</c>.</summary>
public interface IStoreHealth
{
    /// <summary>The store is up, its settings are read, and its partitions are open. False again while it does not answer.</summary>
    bool IsReady { get; }

    /// <summary>Null until the store's settings were read for the first time.</summary>
    StorePromise? Promise { get; }

    /// <summary>What an operator should look at though mail flows, each in one plain sentence.</summary>
    IReadOnlyList<string> Warnings { get; }
}

/// <summary>What a 250 or 202 is worth.</summary>
/// <param name="Sentence">What it does not cover, in one plain sentence.</param>
/// <param name="IsDeclared">Stated by the configuration because the store does not let its settings be read.</param>
public sealed record StorePromise(PromiseClass Class, string Sentence, bool IsDeclared = false)
{
    /// <summary>The same by what may happen; null where the configuration stated the class, since nothing is known then.</summary>
    public StoreLosses? Losses { get; init; }

    /// <summary>What is not as it should be, though it does not lower the class.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <summary>What accepted mail is lost, one plain sentence each.</summary>
/// <param name="ProcessKill">When the store's process is killed.</param>
/// <param name="MachineCrash">When its machine crashes or loses power.</param>
/// <param name="Failover">When a replica takes its place, or none can.</param>
public sealed record StoreLosses(string ProcessKill, string MachineCrash, string Failover);

/// <summary>From the weakest to the strongest, so that classes compare.</summary>
public enum PromiseClass
{
    /// <summary>Nothing survives the store's restart.</summary>
    Memory,

    /// <summary>Survives the end of any process; a power cut may cost the last seconds.</summary>
    CrashSafe,

    /// <summary>Crash-safe, and a replica has it too.</summary>
    Replicated,

    /// <summary>Survives a power cut.</summary>
    PowerSafe,
}
