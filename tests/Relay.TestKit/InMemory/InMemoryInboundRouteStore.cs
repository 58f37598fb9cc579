using System.Collections.Concurrent;
using Relay.Mail.Queue;
using Relay.Mail.Routes;
using Relay.Smtp.Addresses;

namespace Relay.TestKit.InMemory;

public sealed class InMemoryInboundRouteStore : IInboundRouteStore
{
    private readonly ConcurrentDictionary<string, InboundRoute> _routes = new(StringComparer.Ordinal);

    /// <summary>While set, nothing is answered.</summary>
    public bool IsAway { get; set; }

    public ValueTask<InboundRoute?> FindAsync(EnvelopeAddress recipient, CancellationToken cancellation) =>
        ValueTask.FromResult(Here.GetValueOrDefault(InboundRoute.KeyOf(recipient)) ?? Here.GetValueOrDefault(recipient.Domain));

    public ValueTask<InboundRoute?> FindAsync(string match, CancellationToken cancellation) => ValueTask.FromResult(Here.GetValueOrDefault(match));

    public ValueTask<bool> TryAddAsync(InboundRoute route, CancellationToken cancellation) => ValueTask.FromResult(Here.TryAdd(route.Match, route));

    public ValueTask<bool> TryReplaceAsync(InboundRoute former, InboundRoute route, CancellationToken cancellation) =>
        ValueTask.FromResult(Here.TryGetValue(former.Match, out var known) && known.Id == former.Id && Here.TryUpdate(former.Match, route, known));

    public ValueTask<IReadOnlyList<InboundRoute>> ListAsync(string account, CancellationToken cancellation) =>
        ValueTask.FromResult<IReadOnlyList<InboundRoute>>([.. Here.Values.Where(route => route.Account == account).OrderBy(route => route.Match, StringComparer.Ordinal)]);

    public ValueTask<bool> RemoveAsync(string account, string id, CancellationToken cancellation) =>
        ValueTask.FromResult(Here.Values.FirstOrDefault(route => route.Account == account && route.Id == id) is { } known && Here.TryRemove(KeyValuePair.Create(known.Match, known)));

    private ConcurrentDictionary<string, InboundRoute> Here => IsAway ? throw new StoreUnavailableException("the store is told to be away") : _routes;
}
