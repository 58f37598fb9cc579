using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Queue;
using Relay.Redis.Steps;
using Relay.TestKit.Redis;
using Relay.Tests.Redis.Shapes;

namespace Relay.Tests.Redis.Usage;

/// <summary>What is accepted is counted in the same step, once, and nothing else is.</summary>
public abstract class UsageContract : IAsyncLifetime
{
    protected static readonly TimeProvider Time = TimeProvider.System;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private protected StoreUnderTest Store { get; set; } = null!;

    public async ValueTask InitializeAsync() => Store = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    private protected abstract Task<StoreUnderTest> OpenAsync();

    protected virtual ValueTask CloseAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Recipients_are_counted_by_account_and_by_key_over_all_partitions()
    {
        var day = DateOnly.FromDateTime(Time.GetUtcNow().UtcDateTime);
        var mail = Enumerable.Range(0, 40).Select(i => TestMail.To(Time, $"a{i}@x.test", $"b{i}@y.test") with { Credential = i < 10 ? "key1" : "key2" }).ToList();
        mail.Add(TestMail.For(Time, "other", "c@x.test"));
        mail.Add(TestMail.To(Time, "c@x.test") with { AcceptedAt = Time.GetUtcNow().AddDays(-40) });
        await Task.WhenAll(mail.Select(message => Store.Queue.EnqueueAsync(message, null, Cancellation).AsTask()));

        Assert.Equal(new UsedUp(80, 80), await UsedAsync("acme", null));
        Assert.Equal(new UsedUp(20, 20), await UsedAsync("acme", "key1"));
        Assert.Equal(new UsedUp(60, 60), await UsedAsync("acme", "key2"));
        Assert.Equal(new UsedUp(1, 1), await UsedAsync("other", null));
        Assert.Equal(default, await UsedAsync("nobody", null));
        Assert.Equal(new UsedUp(1, 1), await Store.Get<IUsageReader>().ReadAsync("acme", "key1", day.AddDays(-40), Cancellation));
    }

    [Fact]
    public async Task A_month_holds_its_days()
    {
        var now = Time.GetUtcNow();
        var (first, last) = (new DateTimeOffset(now.Year, now.Month, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(now.Year, now.Month, 2, 0, 0, 0, TimeSpan.Zero));
        await Store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test") with { AcceptedAt = first }, null, Cancellation);
        await Store.Queue.EnqueueAsync(TestMail.To(Time, "b@x.test") with { AcceptedAt = last }, null, Cancellation);

        Assert.Equal(new UsedUp(1, 2), await Store.Get<IUsageReader>().ReadAsync("acme", null, DateOnly.FromDateTime(first.UtcDateTime), Cancellation));
    }

    [Fact]
    public async Task What_came_twice_with_one_key_counts_once()
    {
        var key = new IdempotencyKey("once", "same");
        for (var i = 0; i < 3; i++)
        {
            var message = TestMail.To(Time, "a@x.test") with { Id = MessageId.Create(Time, key.SlotFor("acme")) };
            await Store.Queue.EnqueueAsync(message, key, Cancellation);
        }

        Assert.Equal(new UsedUp(1, 1), await UsedAsync("acme", "key1"));
    }

    [Fact]
    public async Task Test_mail_and_reports_are_not_counted()
    {
        await Store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test") with { Mode = MessageMode.Test }, null, Cancellation);
        await Store.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test") with { Source = MessageSource.Report }, null, Cancellation);

        Assert.Equal(default, await UsedAsync("acme", null));
    }

    [Fact]
    public async Task What_is_taken_back_counts_no_more()
    {
        var message = TestMail.To(Time, "a@x.test", "b@y.test");
        await Store.Queue.EnqueueAsync(message, null, Cancellation);
        var unanswered = new PendingAccept(Store.Store.PartitionOf(message.Id), new PreparedMessage(message, Store.Store.Mark));
        unanswered.Answered(null);

        Store.Get<Canceller>().Cancel(unanswered, null);

        await Eventually.HoldsAsync(async () => await UsedAsync("acme", null) == default, Cancellation);
        Assert.Equal(default, await UsedAsync("acme", "key1"));
    }

    [Fact]
    public async Task A_counter_ends_some_time_after_its_month()
    {
        var message = TestMail.To(Time, "a@x.test");
        await Store.Queue.EnqueueAsync(message, null, Cancellation);

        var day = DateOnly.FromDateTime(message.AcceptedAt.UtcDateTime);
        var lives = await Task.WhenAll(Store.Store.Partitions.Select(p => Store.Connections.Reading.KeyTimeToLiveAsync(p.Keys.Used("acme", day))));
        var life = Assert.Single(lives, left => left is not null);
        Assert.InRange(life!.Value, TimeSpan.FromDays(62), TimeSpan.FromDays(70));
    }

    protected ValueTask<UsedUp> UsedAsync(string account, string? credential) =>
        Store.Get<IUsageReader>().ReadAsync(account, credential, DateOnly.FromDateTime(Time.GetUtcNow().UtcDateTime), Cancellation);
}

public sealed class EmbeddedUsageTests : UsageContract
{
    private protected override Task<StoreUnderTest> OpenAsync() => StoreUnderTest.StartAsync(null, StoreUnderTest.NewFolder(), Time, Cancellation);
}

public sealed class RedisUsageTests : UsageContract
{
    private RedisServer? _redis;

    private protected override async Task<StoreUnderTest> OpenAsync()
    {
        _redis = await RedisServer.StartAsync(Cancellation);
        return await StoreUnderTest.StartAsync(_redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);
    }

    protected override ValueTask CloseAsync() => _redis?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Fact]
    public async Task A_counter_that_a_failover_forgot_ends_too()
    {
        var message = TestMail.To(Time, "a@x.test");
        var keys = Store.Store.PartitionOf(message.Id).Keys;
        var counter = keys.Used("acme", DateOnly.FromDateTime(message.AcceptedAt.UtcDateTime)).ToString();
        await Store.Queue.EnqueueAsync(message, null, Cancellation);
        Assert.Equal("1", await _redis!.AskAsync(Cancellation, "DEL", counter));
        Store.Store.Doubt();

        await Store.Queue.EnqueueAsync(message with { Id = MessageId.Create(Time, message.Id.Slot) }, null, Cancellation);

        Assert.DoesNotContain(await _redis.AskAsync(Cancellation, "TTL", counter), new[] { "-1", "-2" });
    }

    [Fact]
    public async Task What_was_accepted_is_counted_over_a_kill_of_the_store_and_seen_by_every_node()
    {
        await using (var first = await StoreUnderTest.StartAsync(_redis!.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation))
        {
            await first.Queue.EnqueueAsync(TestMail.To(Time, "a@x.test", "b@x.test"), null, Cancellation);
            Assert.Equal(new UsedUp(2, 2), await UsedAsync("acme", null));
        }

        await _redis.KillAsync();
        await _redis.StartAgainAsync(Cancellation);
        await using var again = await StoreUnderTest.StartAsync(_redis.ConnectionString, StoreUnderTest.NewFolder(), Time, Cancellation);

        Assert.Equal(
            new UsedUp(2, 2), await again.Get<IUsageReader>().ReadAsync("acme", null, DateOnly.FromDateTime(Time.GetUtcNow().UtcDateTime), Cancellation));
    }
}

[Collection(ClusterCollection.Name)]
public sealed class ClusterUsageTests(SharedCluster shared) : UsageContract
{
    private protected override Task<StoreUnderTest> OpenAsync() => shared.OpenAsync(Time, Cancellation);
}
