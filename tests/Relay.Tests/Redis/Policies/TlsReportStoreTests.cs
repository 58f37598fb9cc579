using Relay.Mail.Policies;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Policies;

public sealed class TlsReportStoreTests : IAsyncLifetime
{
    private static readonly DateOnly Day = new(2026, 3, 1);
    private RedisServer _redis = null!;
    private StoreUnderTest _store = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ITlsReportStore Reports => _store.Get<ITlsReportStore>();

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisServer.StartAsync(Cancellation);
        _store = await StoreUnderTest.StartAsync(_redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Fact]
    public async Task Each_process_is_counted_once_however_often_it_writes()
    {
        await Reports.WriteAsync(Day, "x.test", "one", Totals(1), Cancellation);
        await Reports.WriteAsync(Day, "x.test", "one", Totals(5), Cancellation);
        await Reports.WriteAsync(Day, "x.test", "one", Totals(5), Cancellation);
        await Reports.WriteAsync(Day, "x.test", "two", Totals(2), Cancellation);

        Assert.Equal(["x.test"], await Reports.FindDomainsAsync(Day, Cancellation));
        Assert.Empty(await Reports.FindDomainsAsync(Day.AddDays(1), Cancellation));
        var counted = await Reports.TryTakeAsync(Day, "x.test", TimeSpan.FromMinutes(1), Cancellation);
        Assert.Equal([2, 5], counted!.Totals.Select(t => t.Successful).Order());
    }

    [Fact]
    public async Task A_report_is_taken_by_one_at_a_time()
    {
        await Reports.WriteAsync(Day, "x.test", "one", Totals(1), Cancellation);

        var taken = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Reports.TryTakeAsync(Day, "x.test", TimeSpan.FromMinutes(1), Cancellation).AsTask()));

        Assert.Single(taken, t => t is not null);
    }

    [Fact]
    public async Task Who_takes_it_up_knows_where_it_was_sent()
    {
        await Reports.WriteAsync(Day, "x.test", "one", Totals(1), Cancellation);
        await Reports.TryTakeAsync(Day, "x.test", TimeSpan.FromMilliseconds(1), Cancellation);
        await Reports.NoteSentAsync(Day, "x.test", "mailto:a@x.test", Cancellation);

        TlsDay? again = null;
        await Eventually.HoldsAsync(async () => (again = await Reports.TryTakeAsync(Day, "x.test", TimeSpan.FromMinutes(1), Cancellation)) is not null, Cancellation);

        Assert.Equal(["mailto:a@x.test"], again!.SentTo);
        Assert.Single(again.Totals);
    }

    [Fact]
    public async Task What_comes_after_the_end_is_told_nobody()
    {
        await Reports.WriteAsync(Day, "x.test", "one", Totals(1), Cancellation);
        await Reports.EndAsync(Day, "x.test", Cancellation);
        Assert.Empty(await Reports.FindDomainsAsync(Day, Cancellation));

        await Reports.WriteAsync(Day, "x.test", "late", Totals(1), Cancellation);

        Assert.Null(await Reports.TryTakeAsync(Day, "x.test", TimeSpan.FromMinutes(1), Cancellation));
        Assert.Empty(await Reports.FindDomainsAsync(Day, Cancellation));
    }

    [Fact]
    public async Task Nothing_of_it_stays_for_ever()
    {
        await Reports.WriteAsync(Day, "x.test", "one", Totals(1), Cancellation);

        foreach (var key in new[] { "relay:tlsrpt:2026-03-01", "relay:tlsrpt:2026-03-01:x.test" })
        {
            Assert.InRange((await _store.Connections.Reading.KeyTimeToLiveAsync(key))!.Value, TimeSpan.FromDays(3), TimeSpan.FromDays(4));
        }
    }

    private static TlsPolicyTotals[] Totals(long successful) =>
        [new("sts", ["mode: enforce"], ["mx.x.test"], successful, [new TlsFailureTotals("certificate-expired", null, "mx.x.test", "192.0.2.1", 1)])];
}
