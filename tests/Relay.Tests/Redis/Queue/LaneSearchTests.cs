using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Queue;
using Relay.TestKit.Redis;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Queue;

/// <summary>To find what is due costs in proportion to that, and not to what waits.</summary>
public sealed class LaneSearchTests : IAsyncLifetime
{
    private const int Places = 1_024;

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private RedisServer _redis = null!;
    private StoreUnderTest _store = null!;
    private LaneSearch _search = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    // A node that does not deliver reads no lanes of its own accord.
    public async ValueTask InitializeAsync()
    {
        _redis = await RedisServer.StartAsync(Cancellation, "everysec");
        _store = await StoreUnderTest.StartAsync(_redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation,
            ("Queue:Partitions", "4"), ("Roles:0", "intake"), ("Queue:Lease", "00:10:00"));
        foreach (var partition in _store.Store.Partitions)
        {
            partition.Take(default, default);
            partition.Renew(long.MaxValue);
        }

        var window = new Window(Options.Create(new StoreOptions { Queue = new QueueOptions { WindowLanes = Places } }), _time);
        _search = new LaneSearch(_store.Store, window, _store.Get<Aside>(), _time);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Fact]
    public async Task What_has_become_due_is_found_without_all_that_is_due_later()
    {
        const int Lanes = 500;
        await PutAsync(_store.Store.Partitions[0], Lanes, number => Now + (1_000 * (number + 1)));
        await LookAsync();
        var before = _search.LanesRead;

        for (var i = 0; i < Lanes; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            Assert.InRange(_search.NextLook, 0, Now);
            await LookAsync();
        }

        Assert.Equal(LaneShare.Nothing, _search.NextLook);
        Assert.InRange(_search.LanesRead - before, Lanes, 20 * Lanes);
    }

    [Theory]
    [InlineData(4, 10_000)]
    [InlineData(1, 40_000)]
    public async Task What_has_no_place_is_looked_through_again_at_the_same_pace_however_much_it_is(int partitions, int lanes)
    {
        const int More = 1_000;
        var all = partitions * lanes;
        var filled = _store.Store.Partitions.Take(partitions).ToList();
        foreach (var partition in filled)
        {
            await PutAsync(partition, lanes, number => Now - lanes + number);
        }

        await LookAsync();
        Assert.InRange(_search.LanesRead, all, 1.1 * all);
        foreach (var partition in filled)
        {
            await PutAsync(partition, lanes + More, number => Now - lanes - More + number);
        }

        var before = _search.LanesRead;
        for (var second = 0; second < 60; second++)
        {
            var start = _search.LanesRead;
            _time.Advance(TimeSpan.FromSeconds(1));
            await LookAsync();

            // Of many partitions some, since what a beat may cost is no multiple of one.
            Assert.InRange(_search.LanesRead - start, 0, 20_000 + (1.1 * (lanes + More)));
        }

        // All of it several times, but not at each beat, which would be twelve. And each partition in its turn.
        Assert.InRange(_search.LanesRead - before, 3 * all, 7 * all);
        Assert.All(filled, partition => Assert.InRange(partition.Look.Lanes, lanes + More, 1.1 * (lanes + More)));
    }

    private static string Name(int number) => new Lane($"d{number}.test", "big", MessageClass.Transactional).ToString();

    private async Task PutAsync(Partition partition, int lanes, Func<int, long> due)
    {
        foreach (var part in Enumerable.Range(0, lanes).Chunk(5_000))
        {
            await _store.Connections.Background.SortedSetAddAsync(
                partition.Keys.Lanes, [.. part.Select(number => new SortedSetEntry(Name(number), due(number)))]);
        }
    }

    // As often as there is something to be looked at.
    private async Task LookAsync()
    {
        var trouble = new Trouble();
        do
        {
            await _search.LookAsync(trouble, Cancellation);
            Assert.Null(trouble.Take());
        }
        while (_search.NextLook <= Now);
    }
}
