namespace Relay.Faults.Checking;

/// <summary>What the relay publishes in <c>/health</c>, in the order of strength.</summary>
internal enum Promise
{
    Memory,
    CrashSafe,
    Replicated,
    PowerSafe,

    /// <summary>Survives that a replica takes the primary's place. Nothing publishes it: it is what a failover asks for.</summary>
    Failover,
}

/// <summary>What a row's fault asks of a promise: the weakest class that covers it.</summary>
internal static class Promises
{
    public static Promise Parse(string word) => word switch
    {
        "memory" => Promise.Memory,
        "crash-safe" => Promise.CrashSafe,
        "replicated" => Promise.Replicated,
        "power-safe" => Promise.PowerSafe,
        _ => throw new FormatException($"'{word}' is not a promise class"),
    };

    public static string WordOf(Promise promise) => promise switch
    {
        Promise.Memory => "memory",
        Promise.CrashSafe => "crash-safe",
        Promise.Replicated => "replicated",
        Promise.Failover => "failover",
        _ => "power-safe",
    };

    /// <summary>
    /// I9: the class that a run has shown. What lost nothing under a fault has shown the class that the fault asks for and
    /// no more; what lost something has shown less.
    /// </summary>
    public static Promise Measured(Promise asked, int lost) => lost == 0 ? asked : asked == Promise.CrashSafe ? Promise.Memory : Promise.CrashSafe;
}
