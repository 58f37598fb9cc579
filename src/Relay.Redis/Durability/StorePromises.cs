using Relay.Mail.Queue;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Durability;

/// <summary>Reads from a store's settings what it promises.</summary>
internal static class StorePromises
{
    public static readonly StorePromise Embedded = new(
        PromiseClass.PowerSafe,
        "Accepted mail survives a crash and a power cut, if the disk keeps what it was told to flush; it does not survive the loss of the disk.");

    /// <exception cref="StoreRefusedException">The store would delete queued mail, or does not tell what it promises.</exception>
    public static async Task<StorePromise> ReadAsync(StoreConnections connections, PromiseClass? assumed)
    {
        StorePromise? weakest = null;
        foreach (var server in connections.Primaries())
        {
            var promise = await ReadAsync(server, assumed);
            weakest = weakest is null || promise.Class < weakest.Class ? promise : weakest;
        }

        return weakest ?? throw new StoreUnavailableException("no primary server answers");
    }

    private static async Task<StorePromise> ReadAsync(IServer server, PromiseClass? assumed)
    {
        Dictionary<string, string> settings;
        try
        {
            settings = (await server.ConfigGetAsync("*")).ToDictionary(s => s.Key, s => s.Value, StringComparer.OrdinalIgnoreCase);
        }
        catch (RedisServerException e)
        {
            return assumed is { } declared
                ? new StorePromise(declared, $"The store does not let its settings be read; {declared} is what the configuration states.", IsDeclared: true)
                : throw new StoreRefusedException(
                    "The store does not let its settings be read (CONFIG GET). State what it promises with Relay:Durability:Assume, and make sure its maxmemory-policy is noeviction", e);
        }

        var policy = settings.GetValueOrDefault("maxmemory-policy", "noeviction");
        if (policy != "noeviction")
        {
            throw new StoreRefusedException(
                $"The store's maxmemory-policy is '{policy}': when full it would delete queued mail without a word. Set it to noeviction");
        }

        return Of(settings);
    }

    /// <summary>The promise of these settings.</summary>
    public static StorePromise Of(IReadOnlyDictionary<string, string> settings)
    {
        string Setting(string name) => settings.GetValueOrDefault(name, "no");

        return (Setting("appendonly"), Setting("appendfsync"), Setting("no-appendfsync-on-rewrite")) switch
        {
            ("yes", "always", "no") => new(
                PromiseClass.PowerSafe,
                "Accepted mail survives a crash and a power cut, if the disk keeps what it was told to flush; it does not survive the loss of the disk."),
            ("yes", "always", _) => new(
                PromiseClass.CrashSafe,
                "A power cut while the store rewrites its file may cost accepted mail: no-appendfsync-on-rewrite is on."),
            ("yes", "everysec", _) => new(
                PromiseClass.CrashSafe,
                "A power cut may cost the mail of the last one or two seconds; with appendfsync always it would not."),
            ("yes", _, _) => new(
                PromiseClass.CrashSafe,
                "A power cut may cost the mail of the last half minute: appendfsync is off."),
            _ => new(
                PromiseClass.Memory,
                "A restart of the store may cost all mail since its last snapshot: appendonly is off."),
        };
    }
}
