using System.Text.Json;
using Relay.Mail.Queue;
using Relay.Mail.Routes;
using Relay.Redis.Accounts;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using Relay.Smtp.Addresses;
using StackExchange.Redis;

namespace Relay.Redis.Routes;

/// <summary>All routes in one hash by match: they are for people, who make some dozens, and the door looks up one of them.</summary>
internal sealed class RedisInboundRouteStore(Store store, BrokenDocuments broken) : IInboundRouteStore
{
    private IDatabase Database => store.Connections.Reading;

    public async ValueTask<InboundRoute?> FindAsync(EnvelopeAddress recipient, CancellationToken cancellation)
    {
        var found = await StoreFailure.TranslateAsync(
            Database.HashGetAsync(StoreKeys.Routes, [InboundRoute.KeyOf(recipient), recipient.Domain], StoreConnections.FromPrimary), cancellation);
        return Known(InboundRoute.KeyOf(recipient), found[0]) ?? Known(recipient.Domain, found[1]);
    }

    public async ValueTask<InboundRoute?> FindAsync(string match, CancellationToken cancellation) =>
        Known(match, await StoreFailure.TranslateAsync(Database.HashGetAsync(StoreKeys.Routes, match, StoreConnections.FromPrimary), cancellation));

    public async ValueTask<bool> TryAddAsync(InboundRoute route, CancellationToken cancellation)
    {
        var document = JsonSerializer.SerializeToUtf8Bytes(route, RecordJson.Default.InboundRoute);
        return await StoreFailure.TranslateAsync(Database.HashSetAsync(StoreKeys.Routes, route.Match, document, When.NotExists), cancellation);
    }

    public async ValueTask<IReadOnlyList<InboundRoute>> ListAsync(string account, CancellationToken cancellation)
    {
        var all = await StoreFailure.TranslateAsync(Database.HashGetAllAsync(StoreKeys.Routes, StoreConnections.FromPrimary), cancellation);
        return [.. all.Select(entry => TryRead(entry.Name, entry.Value)).OfType<InboundRoute>().Where(route => route.Account == account).OrderBy(route => route.Match, StringComparer.Ordinal)];
    }

    public async ValueTask<bool> RemoveAsync(string account, string id, CancellationToken cancellation)
    {
        var known = (await ListAsync(account, cancellation)).FirstOrDefault(route => route.Id == id);
        return known is not null && await StoreFailure.TranslateAsync(Database.HashDeleteAsync(StoreKeys.Routes, known.Match), cancellation);
    }

    // To take one that cannot be read for none would refuse its mail for good.
    private InboundRoute? Known(string match, RedisValue document) =>
        document.IsNull ? null : TryRead(match, document) ?? throw new StoreUnavailableException($"the route of {match} cannot be read");

    private InboundRoute? TryRead(RedisValue match, RedisValue document)
    {
        try
        {
            return JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)document).Span, RecordJson.Default.InboundRoute) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            broken.Add(StoreKeys.Routes, match, document, e.Message);
            return null;
        }
    }
}
