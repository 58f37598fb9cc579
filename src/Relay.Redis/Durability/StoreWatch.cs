using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Queue;
using Relay.Redis.Telemetry;
using StackExchange.Redis;

namespace Relay.Redis.Durability;

/// <summary>Looks after the store while it is open: does it answer, has it room, does it still promise what it did, how long is the queue.</summary>
internal sealed class StoreWatch(
    Store store, StoreIdentity identity, Watermark watermark, Acknowledgement acknowledgement, DepthWalk walk, RedisMetrics metrics, IOptions<StoreOptions> options, TimeProvider time,
    ILogger<StoreWatch> logger) : IStoreHealth
{
    // The embedded store needs some disk for its log and a checkpoint before it can free any.
    private const long LeastFreeDisk = 512L * 1024 * 1024;
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LookAtSettings = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookAtQueue = TimeSpan.FromSeconds(10);

    // Beyond this, due times and expiries that other nodes wrote are wrong by so much too.
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromSeconds(5);

    private volatile StorePromise? _promise;
    private volatile bool _answers;
    private string _primaries = "";
    private volatile string? _clock;
    private volatile string? _unreadable;
    private volatile string? _foreign;

    // The connection that is looked at may be back before the one that takes mail, and that one before the one that knows accounts.
    public bool IsReady => _answers && _foreign is null && store.IsWhole && (!options.Value.Delivers || store.HasClaimed);

    public StorePromise? Promise => _promise;

    public IReadOnlyList<string> Warnings => [.. _promise?.Warnings ?? [], .. new[] { _foreign, _clock, _unreadable }.OfType<string>()];

    /// <summary>Reads the promise for the first time.</summary>
    /// <exception cref="StoreRefusedException">It is not enough.</exception>
    public async Task<StorePromise> ReadPromiseAsync(StoreConnections connections)
    {
        var promise = await ReadAsync(connections);
        if (promise.Class < options.Value.Durability.Required)
        {
            throw new StoreRefusedException(
                $"The store is {promise.Class} but Relay:Durability:Required is {options.Value.Durability.Required}. {promise.Sentence}");
        }

        _promise = promise;
        _primaries = connections.PrimaryNames;
        _answers = true;
        foreach (var warning in promise.Warnings)
        {
            logger.StoreWarning(warning);
        }

        return promise;
    }

    public Task RunAsync(CancellationToken cancellation) => Task.WhenAll(
        EveryAsync(Look, () => LookAtRoomAsync().InTimeAsync(cancellation), cancellation),
        EveryAsync(LookAtSettings, () => ReadAgainAsync().InTimeAsync(cancellation), cancellation),
        EveryAsync(LookAtQueue, () => LookAtQueueAsync(cancellation), cancellation));

    private async Task<StorePromise> ReadAsync(StoreConnections connections)
    {
        if (options.Value.IsEmbedded)
        {
            // It goes back only when this process ends.
            store.CanGoBack = false;
            return StorePromises.Embedded;
        }

        var facts = await StoreFacts.ReadAsync(connections);
        store.CanGoBack = facts.CanGoBack;
        var promise = StorePromises.Of(facts, options.Value.Durability);
        acknowledgement.WaitsForDisk = StorePromises.WaitsForDisk(facts, options.Value.Durability);
        return promise;
    }

    private async Task EveryAsync(TimeSpan period, Func<Task> look, CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(period, time);
        do
        {
            try
            {
                await look();
            }
            catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
            {
                if (_answers)
                {
                    _answers = false;
                    logger.StoreAway(StoreFailure.Of(e).Reason);
                }
            }
        }
        while (await timer.WaitForNextTickAsync(cancellation));
    }

    private async Task LookAtRoomAsync()
    {
        // First of all: a server that is gone is no longer among those whose memory is asked for, and so would not be missed.
        // A write that changes nothing (the key is not there) is refused whenever another one would be, but for want of memory;
        // on a cluster each shard is asked.
        await Task.WhenAll(store.Partitions.GroupBy(store.StepGroupOf).Select(group =>
            store.Connections.Background.KeyPersistAsync(group.First().Keys.Nothing))).InTimeAsync();
        var (used, limit) = options.Value.IsEmbedded ? Disk() : await MemoryAsync();

        if (!_answers)
        {
            _answers = true;
            logger.StoreBack();
        }

        await LookAtIdentityAsync();

        if (store.Connections.PrimaryNames is var primaries && primaries != _primaries)
        {
            // Another server may keep mail in another way.
            logger.PrimariesChanged(primaries);
            await ReadAgainAsync();
            _primaries = primaries;
        }

        if (!options.Value.IsEmbedded)
        {
            // Of a disk others have filled the most: three quarters of its mark say nothing about our mail.
            watermark.Look(used, limit);
        }

        var isReached = limit > 0 && used >= limit;
        if (isReached != watermark.IsReached)
        {
            watermark.IsReached = isReached;
            if (isReached)
            {
                logger.WatermarkReached(used, limit);
            }
            else
            {
                logger.WatermarkPassed();
            }
        }
    }

    private async Task LookAtIdentityAsync()
    {
        var foreign = await identity.LookAsync(store.Connections.Background, store.Partitions);
        if (foreign is not null && foreign != _foreign)
        {
            logger.StoreForeign(foreign);
        }

        _foreign = foreign;
        store.IsForeign = foreign is not null;
    }

    // Used octets and the mark, of the server that is nearest to it.
    private async Task<(long Used, long Mark)> MemoryAsync()
    {
        var fullest = (Used: 0L, Mark: 0L);
        foreach (var server in store.Connections.Primaries().ToList())
        {
            var memory = (await server.InfoAsync("memory")).SelectMany(section => section).ToDictionary(p => p.Key, p => p.Value);
            var used = Number(memory, "used_memory");
            var mark = (long)(Number(memory, "maxmemory") * options.Value.Queue.Watermark);
            if (mark > 0 && (fullest.Mark == 0 || (double)used / mark > (double)fullest.Used / fullest.Mark))
            {
                fullest = (used, mark);
            }
        }

        return fullest;
    }

    private (long Used, long Mark) Disk()
    {
        var drive = new DriveInfo(Path.GetFullPath(options.Value.DataDirectory));
        return (drive.TotalSize - drive.AvailableFreeSpace, drive.TotalSize - Math.Min(LeastFreeDisk, drive.TotalSize / 10));
    }

    private async Task ReadAgainAsync()
    {
        if (options.Value.IsEmbedded)
        {
            return;
        }

        try
        {
            var promise = await ReadAsync(store.Connections);
            if (promise.Class < _promise?.Class)
            {
                logger.PromiseBroken(promise.Class, promise.Sentence);
            }

            foreach (var warning in promise.Warnings.Except(_promise?.Warnings ?? []))
            {
                logger.StoreWarning(warning);
            }

            _promise = promise;
        }
        catch (StoreRefusedException e)
        {
            logger.PromiseBroken(PromiseClass.Memory, e.Message);
            _promise = new StorePromise(PromiseClass.Memory, e.Message);
        }

        await LookAtClockAsync();
    }

    private async Task LookAtClockAsync()
    {
        var skew = TimeSpan.Zero;
        foreach (var server in store.Connections.Primaries().ToList())
        {
            var its = new DateTimeOffset(await server.TimeAsync(), TimeSpan.Zero) - time.GetUtcNow();
            skew = its.Duration() > skew.Duration() ? its : skew;
        }

        var warning = skew.Duration() <= ClockTolerance ? null : string.Create(
            CultureInfo.InvariantCulture,
            $"The store's clock is {skew.Duration().TotalSeconds:0} seconds {(skew > TimeSpan.Zero ? "ahead of" : "behind")} this machine's; one of the two is wrong.");
        if (warning is not null && _clock is null)
        {
            logger.StoreWarning(warning);
        }

        _clock = warning;
    }

    private async Task LookAtQueueAsync(CancellationToken cancellation)
    {
        var depth = await walk.LookAsync(cancellation);
        metrics.Depth(depth);
        _unreadable = depth.Unreadable == 0 ? null : string.Create(
            CultureInfo.InvariantCulture, $"{depth.Unreadable} entries could not be read and were set aside; the log says which and why.");
    }

    private static long Number(Dictionary<string, string> memory, string name) =>
        memory.TryGetValue(name, out var text) && long.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
