using Relay.Mail.Routes;
using Relay.Redis.Accounts;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using Relay.Smtp.Addresses;

namespace Relay.Redis.Routes;

/// <summary>
/// All routes in one hash by match: they are for people, who make some dozens, and the door looks up one of them. One that
/// cannot be read is not taken for none: its mail would be refused for good.
/// </summary>
internal sealed class RedisInboundRouteStore(Documents documents) : IInboundRouteStore
{
    public async ValueTask<InboundRoute?> FindAsync(EnvelopeAddress recipient, CancellationToken cancellation) =>
        await FindAsync(InboundRoute.KeyOf(recipient), cancellation) ?? await FindAsync(recipient.Domain, cancellation);

    public ValueTask<InboundRoute?> FindAsync(string match, CancellationToken cancellation) =>
        documents.FindAsync(StoreKeys.Routes, match, RecordJson.Default.InboundRoute, cancellation, StoreConnections.FromPrimary);

    public ValueTask<bool> TryAddAsync(InboundRoute route, CancellationToken cancellation) =>
        documents.TryAddAsync(StoreKeys.Routes, route.Match, route, RecordJson.Default.InboundRoute, cancellation);

    public async ValueTask<bool> TryReplaceAsync(InboundRoute former, InboundRoute route, CancellationToken cancellation) =>
        await documents.ChangeAsync(
            StoreKeys.Routes, former.Match, known => known.Id == former.Id ? route : null, RecordJson.Default.InboundRoute, cancellation) is not null;

    public async ValueTask<IReadOnlyList<InboundRoute>> ListAsync(string account, CancellationToken cancellation) =>
        [.. (await documents.ListAsync(StoreKeys.Routes, RecordJson.Default.InboundRoute, cancellation, StoreConnections.FromPrimary)).Where(route => route.Account == account)];

    public async ValueTask<bool> RemoveAsync(string account, string id, CancellationToken cancellation) =>
        // Another account may take its place between the look and the step.
        (await ListAsync(account, cancellation)).FirstOrDefault(route => route.Id == id) is { } named
        && await documents.TryRemoveAsync(StoreKeys.Routes, named.Match, known => known.Id == id, RecordJson.Default.InboundRoute, cancellation);
}
