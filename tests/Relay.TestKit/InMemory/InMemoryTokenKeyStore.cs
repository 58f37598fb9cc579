using System.Collections.Concurrent;
using Relay.Mail.Tokens;

namespace Relay.TestKit.InMemory;

public sealed class InMemoryTokenKeyStore : ITokenKeyStore
{
    private readonly ConcurrentDictionary<int, KeptTokenKey> _keys = new();

    public ValueTask<IReadOnlyList<KeptTokenKey>> ListAsync(CancellationToken cancellation) => ValueTask.FromResult<IReadOnlyList<KeptTokenKey>>([.. _keys.Values]);

    public ValueTask<bool> TryAddAsync(KeptTokenKey key, CancellationToken cancellation) => ValueTask.FromResult(_keys.TryAdd(key.Number, key));
}
