using Relay.Intake.Admission;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.InMemory;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Queue;

public sealed class InMemoryMailQueueTests : MailQueueContract
{
    protected override ValueTask<(IMailQueue, IActivityReader, IQueueReader)> OpenAsync(TimeProvider time)
    {
        var queue = new InMemoryMailQueue(time);
        return new((queue, queue.Activity, queue));
    }

    protected override ValueTask CloseAsync() => ValueTask.CompletedTask;
}

public sealed class RedisMailQueueTests : MailQueueContract
{
    private RedisServer? _redis;
    private StoreUnderTest? _store;

    protected override async ValueTask<(IMailQueue, IActivityReader, IQueueReader)> OpenAsync(TimeProvider time)
    {
        _redis = await RedisServer.StartAsync(Cancellation);
        _store = await StoreUnderTest.StartAsync(_redis.ConnectionString, StoreUnderTest.NewFolder(), time, Cancellation);
        return (_store.Queue, _store.Activity, _store.Reader);
    }

    protected override async ValueTask CloseAsync()
    {
        await (_store?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_redis?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    [Fact]
    public Task A_key_is_known_for_a_day() => KeptKey.LivesForADayAsync(_store!);

    [Fact]
    public Task A_key_is_known_for_as_long_as_is_asked_for() => KeptKey.LivesForAsLongAsIsAskedForAsync(_store!);
}

public sealed class EmbeddedMailQueueTests : MailQueueContract
{
    private readonly string _folder = StoreUnderTest.NewFolder();
    private StoreUnderTest? _store;

    protected override async ValueTask<(IMailQueue, IActivityReader, IQueueReader)> OpenAsync(TimeProvider time)
    {
        _store = await StoreUnderTest.StartAsync(null, _folder, time, Cancellation);
        return (_store.Queue, _store.Activity, _store.Reader);
    }

    protected override async ValueTask CloseAsync()
    {
        await (_store?.DisposeAsync() ?? ValueTask.CompletedTask);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public Task A_key_is_known_for_a_day() => KeptKey.LivesForADayAsync(_store!);

    [Fact]
    public Task A_key_is_known_for_as_long_as_is_asked_for() => KeptKey.LivesForAsLongAsIsAskedForAsync(_store!);
}

/// <summary>How long the store itself will keep a mail's idempotency key: a client that comes again next morning must still meet it.</summary>
internal static class KeptKey
{
    public static async Task LivesForADayAsync(StoreUnderTest store)
    {
        var key = new IdempotencyKey("order-7", "fingerprint");
        var message = TestMail.To(TimeProvider.System, "a@x.test") with { Id = MessageId.Create(TimeProvider.System, key.SlotFor("acme")) };
        Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(message, key, TestContext.Current.CancellationToken));

        var kept = await store.Connections.Reading.KeyTimeToLiveAsync(store.Store.PartitionOf(message.Id).Keys.Idempotency("acme", "order-7"));

        Assert.InRange(kept!.Value, TimeSpan.FromHours(23.5), Idempotency.Kept);
    }

    public static async Task LivesForAsLongAsIsAskedForAsync(StoreUnderTest store)
    {
        var key = new IdempotencyKey("mail 1\tthe rest of it", "") { Kept = TimeSpan.FromMinutes(15) };
        Assert.Equal(new IdempotencyKey("mail 1", "").SlotFor("acme"), key.SlotFor("acme"));
        var message = TestMail.To(TimeProvider.System, "a@x.test") with { Id = MessageId.Create(TimeProvider.System, key.SlotFor("acme")) };
        Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(message, key, TestContext.Current.CancellationToken));

        var kept = await store.Connections.Reading.KeyTimeToLiveAsync(store.Store.PartitionOf(message.Id).Keys.Idempotency("acme", key.Key));

        Assert.InRange(kept!.Value, TimeSpan.FromMinutes(14), TimeSpan.FromMinutes(15));
    }
}
