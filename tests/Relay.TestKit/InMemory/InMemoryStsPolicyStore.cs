using System.Collections.Concurrent;
using Relay.Mail.Policies;

namespace Relay.TestKit.InMemory;

public sealed class InMemoryStsPolicyStore : IStsPolicyStore
{
    private readonly ConcurrentDictionary<string, KeptStsPolicy> _kept = new(StringComparer.Ordinal);

    public ValueTask<KeptStsPolicy?> FindAsync(string domain, CancellationToken cancellation) => ValueTask.FromResult(_kept.GetValueOrDefault(domain));

    public ValueTask KeepAsync(string domain, KeptStsPolicy policy, CancellationToken cancellation)
    {
        _kept[domain] = policy;
        return ValueTask.CompletedTask;
    }
}
