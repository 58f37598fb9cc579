using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Accounts;
using Relay.Mail.Events;
using Relay.Mail.Inbox;
using Relay.Mail.Incoming;
using Relay.Mail.Queue;
using Relay.Tests.Redis.Accounts;
using Relay.Tests.Redis.Contents;
using Relay.Tests.Redis.Inbox;
using Relay.Tests.Redis.Incoming;
using Relay.Tests.Redis.Queue;

namespace Relay.Tests.Redis.Shapes;

[Collection(ClusterCollection.Name)]
public sealed class ClusterMailQueueTests(SharedCluster shared) : MailQueueContract
{
    private StoreUnderTest? _store;

    protected override async ValueTask<(IMailQueue, IActivityReader, IQueueReader)> OpenAsync(TimeProvider time)
    {
        _store = await shared.OpenAsync(time, Cancellation);
        return (_store.Queue, _store.Activity, _store.Reader);
    }

    protected override ValueTask CloseAsync() => _store?.DisposeAsync() ?? ValueTask.CompletedTask;
}

[Collection(ClusterCollection.Name)]
public sealed class ClusterAdministrationTests(SharedCluster shared) : AdministrationContract
{
    private StoreUnderTest? _store;

    private protected override async ValueTask<QueueUnderAdministration> OpenAsync(FakeTimeProvider time)
    {
        _store = await shared.OpenAsync(time, Cancellation);
        return new QueueUnderAdministration(
            _store.Queue, _store.Activity, _store.Reader, _store.Get<IQueueAdministration>(), _store.Get<ISuspensions>());
    }

    protected override ValueTask CloseAsync() => _store?.DisposeAsync() ?? ValueTask.CompletedTask;
}

[Collection(ClusterCollection.Name)]
public sealed class ClusterContentStoreTests(SharedCluster shared) : ContentStoreContract
{
    private protected override Task<StoreUnderTest> StartAsync() => shared.OpenAsync(TimeProvider.System, Cancellation);
}

[Collection(ClusterCollection.Name)]
public sealed class ClusterAccountStoreTests(SharedCluster shared) : AccountStoreContract
{
    private StoreUnderTest? _store;

    protected override async ValueTask<IAccountStore> OpenAsync()
    {
        _store = await shared.OpenAsync(TimeProvider.System, Cancellation);
        return _store.Get<IAccountStore>();
    }

    protected override ValueTask CloseAsync() => _store?.DisposeAsync() ?? ValueTask.CompletedTask;
}

[Collection(ClusterCollection.Name)]
public sealed class ClusterInboxTests(SharedCluster shared) : InboxContract
{
    private StoreUnderTest? _store;

    protected override async ValueTask<(IInbox, IContentStore)> OpenAsync()
    {
        _store = await shared.OpenAsync(Time, Cancellation);
        return (_store.Get<IInbox>(), _store.Get<IContentStore>());
    }

    protected override ValueTask CloseAsync() => _store?.DisposeAsync() ?? ValueTask.CompletedTask;
}

[Collection(ClusterCollection.Name)]
public sealed class ClusterIncomingStoreTests(SharedCluster shared) : IncomingStoreContract
{
    private StoreUnderTest? _store;

    protected override async ValueTask<(IIncomingStore, IMailQueue)> OpenAsync()
    {
        _store = await shared.OpenAsync(Time, Cancellation);
        return (_store.Get<IIncomingStore>(), _store.Queue);
    }

    protected override ValueTask CloseAsync() => _store?.DisposeAsync() ?? ValueTask.CompletedTask;
}
