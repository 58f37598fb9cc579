namespace Relay.Mail.Policies;

/// <summary>Keeps the MTA-STS policies of domains for as long as they say (RFC 8461, 3.2), over restarts and for all nodes.</summary>
public interface IStsPolicyStore
{
    /// <summary>Null when none is kept that still holds. May throw <see cref="Queue.StoreUnavailableException"/>.</summary>
    ValueTask<KeptStsPolicy?> FindAsync(string domain, CancellationToken cancellation);

    /// <summary>Keeps a policy in place of the one before. May throw <see cref="Queue.StoreUnavailableException"/>.</summary>
    ValueTask KeepAsync(string domain, KeptStsPolicy policy, CancellationToken cancellation);
}

/// <param name="Id">Of the DNS record under which it was fetched.</param>
/// <param name="Text">The policy file as it came.</param>
/// <param name="Until">It holds no longer than this.</param>
public sealed record KeptStsPolicy(string Id, string Text, DateTimeOffset FetchedAt, DateTimeOffset Until);
