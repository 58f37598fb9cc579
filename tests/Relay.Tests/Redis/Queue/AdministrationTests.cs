using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Queue;
using Relay.TestKit.InMemory;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Queue;

public sealed class InMemoryAdministrationTests : AdministrationContract
{
    private protected override ValueTask<QueueUnderAdministration> OpenAsync(FakeTimeProvider time)
    {
        var queue = new InMemoryMailQueue(time);
        return new(new QueueUnderAdministration(queue, queue.Activity, queue, queue, queue.Suspensions));
    }

    protected override ValueTask CloseAsync() => ValueTask.CompletedTask;
}

public sealed class RedisAdministrationTests : AdministrationContract
{
    private RedisServer? _redis;
    private StoreUnderTest? _store;

    private protected override async ValueTask<QueueUnderAdministration> OpenAsync(FakeTimeProvider time)
    {
        _redis = await RedisServer.StartAsync(Cancellation);
        _store = await StoreUnderTest.StartAsync(_redis.ConnectionString, StoreUnderTest.NewFolder(), time, Cancellation);
        return new QueueUnderAdministration(
            _store.Queue, _store.Activity, _store.Reader, _store.Get<IQueueAdministration>(), _store.Get<ISuspensions>());
    }

    protected override async ValueTask CloseAsync()
    {
        await (_store?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_redis?.DisposeAsync() ?? ValueTask.CompletedTask);
    }
}

public sealed class EmbeddedAdministrationTests : AdministrationContract
{
    private readonly string _folder = StoreUnderTest.NewFolder();
    private StoreUnderTest? _store;

    private protected override async ValueTask<QueueUnderAdministration> OpenAsync(FakeTimeProvider time)
    {
        _store = await StoreUnderTest.StartAsync(null, _folder, time, Cancellation);
        return new QueueUnderAdministration(
            _store.Queue, _store.Activity, _store.Reader, _store.Get<IQueueAdministration>(), _store.Get<ISuspensions>());
    }

    protected override async ValueTask CloseAsync()
    {
        await (_store?.DisposeAsync() ?? ValueTask.CompletedTask);
        Directory.Delete(_folder, recursive: true);
    }
}
