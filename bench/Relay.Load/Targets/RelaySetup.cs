using Relay.Load.Traffic;

namespace Relay.Load.Targets;

/// <param name="Program">Path of relay.dll, the Release build.</param>
/// <param name="RedisFsync"><c>appendfsync</c> of the Redis it is given; null leaves it on its embedded store.</param>
/// <param name="Http">Send through <c>POST /send</c> and not over SMTP.</param>
/// <param name="Dkim">Let it sign what it is sent, with both its keys.</param>
internal sealed record RelaySetup(string Program, string? RedisFsync, bool Http, LoadTls Tls, bool Dkim = false)
{
    /// <summary>Domains in it, and mail for address literals, go to <see cref="DeadPort"/>.</summary>
    public const string DeadZone = "dead.test";

    /// <summary>Connections to one destination; null leaves it at its default.</summary>
    public int? Connections { get; init; }

    /// <summary>A port at which nobody answers; null where nothing is sent there.</summary>
    public int? DeadPort { get; init; }

    /// <summary>Domains that are looked up and have hosts of their own; null where all mail goes by routes. Only beside <see cref="DeadPort"/>.</summary>
    public DestinationZone? Destinations { get; init; }

    /// <summary>A file of settings for its Redis; null for Redis's defaults.</summary>
    public string? RedisSettings { get; init; }

    /// <summary>Require a verified domain, and verify the sender's: its records stand in a name server beside it. Its mail is signed then.</summary>
    public bool Verified { get; init; }

    /// <summary>Addresses that its account sends nothing to, none of which is sent to.</summary>
    public int Suppressed { get; init; }

    /// <summary>The sink offers STARTTLS, and the route takes it.</summary>
    public bool SinkTls { get; init; }

    /// <summary>It writes down what its compiled code is called, so that perf can tell.</summary>
    public bool NamesItsCode { get; init; }

    /// <summary>Where <c>dotnet build -c Release</c> puts the relay of the checkout this program was built in.</summary>
    public static string? FindProgram() => Find("src/Relay.Host/bin/Release/net10.0/relay.dll");

    /// <summary>What the checkout this program was built in tells operators to set.</summary>
    public static string? FindRedisSettings() => Find("ops/redis/redis.conf");

    private static string? Find(string path)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Relay.sln")))
            {
                return Path.Combine(folder.FullName, path);
            }
        }

        return null;
    }
}
