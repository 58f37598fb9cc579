using System.Security.Cryptography.X509Certificates;
using Relay.Faults.Sink;
using Relay.Faults.Stores;
using Relay.TestKit.Relays;

namespace Relay.Faults.Stages;

/// <summary>What a run of a scenario was asked for.</summary>
/// <param name="Rounds">How often the fault is done.</param>
internal sealed record RunRequest(StoreKind Store, int Rounds, int Seed, int Relays, bool IsLong, string HistoryFolder)
{
    /// <summary>For scenarios that last a time and not a number of rounds.</summary>
    public TimeSpan? Duration { get; init; }
}

/// <summary>What a scenario needs to be played on.</summary>
internal sealed record StageSetup
{
    public int Relays { get; init; } = 1;

    /// <summary>Of the sink to which everything goes that no other takes.</summary>
    public SinkMood Mood { get; init; } = SinkMood.Kind;

    /// <summary>Sinks of their own for some domains.</summary>
    public IReadOnlyDictionary<string, SinkMood> Domains { get; init; } = new Dictionary<string, SinkMood>();

    /// <summary>What a domain's sink shows in STARTTLS; without one it offers none.</summary>
    public IReadOnlyDictionary<string, X509Certificate2> Certificates { get; init; } = new Dictionary<string, X509Certificate2>();

    /// <summary>Everything else goes to the first sink. Without it, it goes where the DNS says.</summary>
    public bool HasDefaultRoute { get; init; } = true;

    /// <summary>Puts a wire that can be cut between each relay and the store.</summary>
    public bool HasLinks { get; init; }

    /// <summary>The relay signs what it is sent, and the sinks verify it.</summary>
    public bool Signs { get; init; }

    /// <summary>Settings of a relay over the stage's own, by its number from 0.</summary>
    public Func<RelaySetup, int, RelaySetup> Settings { get; init; } = (setup, _) => setup;

    /// <summary>Settings of the store's program, where it has one.</summary>
    public string[] StoreSettings { get; init; } = [];

    /// <summary>Makes the store where the usual one will not do.</summary>
    public Func<CancellationToken, Task<IOutsideStore>>? MakeStore { get; init; }

    /// <summary>Where an embedded store keeps its files.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>The store on a disk of its own, that of the relay too where it keeps its mail itself.</summary>
    public static StageSetup On(LoopDisk disk, StoreKind store) => store == StoreKind.Embedded
        ? new StageSetup { DataDirectory = Path.Combine(disk.Path, "data") }
        : new StageSetup { MakeStore = async cancellation => await RedisStore.StartAsync(store, disk.Path, cancellation) };
}
