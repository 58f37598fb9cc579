using System.Globalization;
using Relay.Mail.Queue;

namespace Relay.Redis.Durability;

/// <summary>Reads from what a store's servers say of themselves what the store promises, and what each accident would cost.</summary>
internal static class StorePromises
{
    private const string NothingLost = "Nothing that was accepted is lost.";
    private const string NothingLostOnGoodDisk =
        "Nothing that was accepted is lost, if the disk keeps what it was told to flush. What was delivered in the last moment before the relay's own machine went down "
        + "may be sent again, without a word of it: the note of that is not flushed.";

    public static readonly StorePromise Embedded = new(
        PromiseClass.PowerSafe,
        "Accepted mail survives a crash and a power cut, if the disk keeps what it was told to flush; it does not survive the loss of the disk.")
    {
        Losses = new StoreLosses(NothingLost, NothingLostOnGoodDisk, "There is no second copy: the loss of the disk loses all mail."),
    };

    /// <summary>The promise of the weakest of its servers.</summary>
    /// <exception cref="StoreRefusedException">The store would delete queued mail, does not tell what it promises, or cannot do what the configuration demands.</exception>
    public static StorePromise Of(StoreFacts facts, DurabilityOptions options) =>
        facts.Primaries.Select(server => Of(server, facts.Shape, options)).MinBy(promise => promise.Class)
        ?? throw new StoreUnavailableException("no primary server answers");

    /// <summary>Whether each accept waits until the server's file is flushed.</summary>
    /// <exception cref="StoreRefusedException">It must, but the server cannot.</exception>
    public static bool WaitsForDisk(StoreFacts facts, DurabilityOptions options) => facts.Primaries.All(server => WaitsForDisk(server, options));

    private static StorePromise Of(ServerFacts server, StoreShape shape, DurabilityOptions options)
    {
        var waits = WaitsForDisk(server, options);
        if (server.Settings is null)
        {
            return options.Assume is { } declared
                ? new StorePromise(declared, $"The store does not let its settings be read; {declared} is what the configuration states.", IsDeclared: true)
                : throw new StoreRefusedException(
                    "The store does not let its settings be read (CONFIG GET). State what it promises with Relay:Durability:Assume, and make sure its maxmemory-policy is noeviction");
        }

        var policy = server.Setting("maxmemory-policy", "noeviction");
        if (policy != "noeviction")
        {
            throw new StoreRefusedException(
                $"The store's maxmemory-policy is '{policy}': when full it would delete queued mail without a word. Set it to noeviction");
        }

        var promise = OfFile(server, waits) with { Warnings = [.. Warnings(server, options)] };
        if (promise.Class == PromiseClass.CrashSafe && options.Replicas > 0)
        {
            promise = promise with { Class = PromiseClass.Replicated, Sentence = $"{promise.Sentence} Unless a replica that acknowledged it takes over." };
        }

        return promise with { Losses = promise.Losses! with { Failover = Failover(server, shape, options) } };
    }

    // What stands on the server's own disk.
    private static StorePromise OfFile(ServerFacts server, bool waits) =>
        (server.Setting("appendonly"), server.Setting("appendfsync"), server.Setting("no-appendfsync-on-rewrite"), waits) switch
        {
            ("yes", "always", "no", _) => Kept(
                PromiseClass.PowerSafe,
                "Accepted mail survives a crash and a power cut, if the disk keeps what it was told to flush; it does not survive the loss of the disk.",
                NothingLost,
                NothingLostOnGoodDisk),
            ("yes", "everysec", "no", true) => Kept(
                PromiseClass.PowerSafe,
                "Accepted mail survives a crash and a power cut: each accept waits for the next flush. It does not survive the loss of the disk.",
                NothingLost,
                NothingLostOnGoodDisk),
            ("yes", "always" or "everysec", "yes", _) => Kept(
                PromiseClass.CrashSafe,
                "A power cut while the store rewrites its file may cost accepted mail: no-appendfsync-on-rewrite is on.",
                NothingLost,
                "What was accepted while the store rewrote its file may be lost: no-appendfsync-on-rewrite is on."),
            ("yes", "everysec", _, _) => Kept(
                PromiseClass.CrashSafe,
                "A power cut may cost the mail of the last one or two seconds; with appendfsync always it would not.",
                "Nothing that was accepted is lost, unless a flush takes longer than a second just then: up to two seconds of mail.",
                "The mail of the last one or two seconds is lost; with appendfsync always it would not be. What was delivered in them may be sent again where the relay goes down too."),
            ("yes", _, _, _) => Kept(
                PromiseClass.CrashSafe,
                "A power cut may cost the mail of the last half minute: appendfsync is off.",
                NothingLost,
                "The mail of the last half minute is lost: appendfsync is off."),
            _ => Kept(
                PromiseClass.Memory,
                "A restart of the store may cost all mail since its last snapshot: appendonly is off.",
                "All mail since the last snapshot is lost: appendonly is off.",
                "All mail since the last snapshot is lost: appendonly is off."),
        };

    private static StorePromise Kept(PromiseClass kept, string sentence, string processKill, string machineCrash) =>
        new(kept, sentence) { Losses = new StoreLosses(processKill, machineCrash, "") };

    // What a replica has of it. Redis calls none of this a guarantee, and neither do we.
    private static string Failover(ServerFacts server, StoreShape shape, DurabilityOptions options)
    {
        if (server.Replicas == 0)
        {
            return shape == StoreShape.Single
                ? "There is no replica: while the store is away mail is refused for now, and the loss of its disk loses all mail."
                : "No replica is connected now: none can take over, and the loss of this server loses its mail.";
        }

        if (options.Replicas == 0)
        {
            var bound = server.Setting("min-replicas-to-write", "0") is "0"
                ? "usually milliseconds, but nothing bounds it (min-replicas-to-write is 0)"
                : $"at most the last {server.Setting("min-replicas-max-lag", "10")} seconds (min-replicas-max-lag)";
            return $"Accepted mail that the promoted replica had not received is lost: {bound}. Relay:Durability:Replicas would have each accept wait for it.";
        }

        const string Doubles = "What was delivered in the last moment may be sent again.";
        return options.Replicas >= server.Replicas
            ? $"Nothing is lost, if the promoted replica is one that acknowledged, as each of the {Text(server.Replicas)} does; a replica that was just added may not have. {Doubles}"
            : $"Nothing is lost if the promoted replica is one of the {Text(options.Replicas)} of {Text(server.Replicas)} that acknowledged; another one may lack the last moment. {Doubles}";
    }

    private static IEnumerable<string> Warnings(ServerFacts server, DurabilityOptions options)
    {
        if (server.HasWaitBug && server.Setting("appendfsync") == "everysec")
        {
            yield return $"Redis {server.Version} answers WAITAOF too early, so accepts do not wait for the disk; 7.4.3 mends it.";
        }

        if (options.Replicas > server.Replicas)
        {
            yield return $"Relay:Durability:Replicas is {Text(options.Replicas)} but {Text(server.Replicas)} are connected: mail is refused for now.";
        }
    }

    private static bool WaitsForDisk(ServerFacts server, DurabilityOptions options)
    {
        if (options.WaitForDisk == true && !server.CanWaitForDisk)
        {
            throw new StoreRefusedException(
                $"Relay:Durability:WaitForDisk is true, but Redis {server.Version} cannot: WAITAOF is there from 7.2 on, and wrong in 7.4.0 to 7.4.2");
        }

        // With always the answer itself waits; with no there is no flush to wait for.
        var fits = server.Settings is null ? options.WaitForDisk == true : server.Setting("appendonly") == "yes" && server.Setting("appendfsync") == "everysec";
        return options.WaitForDisk != false && server.CanWaitForDisk && fits;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
