using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Accounts;
using Relay.Mail.Events;
using Relay.Mail.Inbox;
using Relay.Mail.Incoming;
using Relay.Mail.Queue;
using Relay.Mail.Routes;
using Relay.Mail.Suppressions;
using Relay.Mail.Templates;
using Relay.Mail.Tokens;
using Relay.Tests.Redis.Accounts;
using Relay.Tests.Redis.Contents;
using Relay.Tests.Redis.Inbox;
using Relay.Tests.Redis.Incoming;
using Relay.Tests.Redis.Queue;
using Relay.Tests.Redis.Routes;
using Relay.Tests.Redis.Suppressions;
using Relay.Tests.Redis.Templates;
using Relay.Tests.Redis.Tokens;

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
    protected override async ValueTask<IAccountStore> OpenAsync() => StoreOf(await shared.OpenAsync(TimeProvider.System, Cancellation));
}

[Collection(ClusterCollection.Name)]
public sealed class ClusterSenderStoreTests(SharedCluster shared) : SenderStoreContract
{
    protected override async ValueTask<ISenderStore> OpenAsync() => StoreOf(await shared.OpenAsync(TimeProvider.System, Cancellation));
}

[Collection(ClusterCollection.Name)]
public sealed class ClusterTemplateStoreTests(SharedCluster shared) : TemplateStoreContract
{
    protected override async ValueTask<ITemplateStore> OpenAsync() => StoreOf(await shared.OpenAsync(TimeProvider.System, Cancellation));
}

[Collection(ClusterCollection.Name)]
public sealed class ClusterAnswerStoreTests(SharedCluster shared) : AnswerStoreContract
{
    protected override async ValueTask<IAnswerStore> OpenAsync() => StoreOf(await shared.OpenAsync(TimeProvider.System, Cancellation));
}

[Collection(ClusterCollection.Name)]
public sealed class ClusterTokenKeyStoreTests(SharedCluster shared) : TokenKeyStoreContract
{
    protected override async ValueTask<ITokenKeyStore> OpenAsync() => StoreOf(await shared.OpenAsync(TimeProvider.System, Cancellation));
}

[Collection(ClusterCollection.Name)]
public sealed class ClusterInboundRouteStoreTests(SharedCluster shared) : InboundRouteStoreContract
{
    protected override async ValueTask<IInboundRouteStore> OpenAsync() => StoreOf(await shared.OpenAsync(TimeProvider.System, Cancellation));
}

[Collection(ClusterCollection.Name)]
public sealed class ClusterSuppressionStoreTests(SharedCluster shared) : SuppressionStoreContract
{
    protected override ISuppressionNews News => Under!.Get<ISuppressionNews>();

    protected override async ValueTask<ISuppressionStore> OpenAsync() => StoreOf(await shared.OpenAsync(TimeProvider.System, Cancellation));
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
