using Relay.Mail.Events;
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
}
