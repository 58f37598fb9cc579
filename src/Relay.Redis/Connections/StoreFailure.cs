using Relay.Mail.Queue;
using Relay.Redis.Keys;
using StackExchange.Redis;

namespace Relay.Redis.Connections;

/// <summary>What a failed call to the store means.</summary>
/// <param name="IsCertain">The store said no, so nothing was written. Otherwise the answer was not seen and a write may have taken place.</param>
internal readonly record struct StoreFailure(bool IsFull, bool IsCertain, string Reason)
{
    /// <summary>The store refused a step but would take it now: a slot had moved, or a replica taken over.</summary>
    public bool IsOver { get; private init; }

    /// <summary>Whether the exception tells of the store at all, and not of a mistake of ours.</summary>
    public static bool Covers(Exception exception) =>
        exception is RedisException or RedisTimeoutException or RedisCommandException or TimeoutException or ObjectDisposedException;

    public static StoreFailure Of(Exception exception) => exception switch
    {
        RedisServerException { Kind: RedisErrorKind.OutOfMemory } => new(true, true, "the store is full"),
        RedisServerException { Kind: RedisErrorKind.ReadOnly } => new(false, true, "the store is read-only"),
        RedisServerException { Kind: RedisErrorKind.Loading } => new(false, true, "the store is still loading"),
        RedisServerException { Kind: RedisErrorKind.Misconfigured } => new(false, true, "the store cannot write its file"),
        RedisServerException { Kind: RedisErrorKind.NoReplicas } => new(false, true, "the store lacks its replicas"),
        RedisServerException { Kind: RedisErrorKind.ClusterDown or RedisErrorKind.MasterDown } => new(false, true, "the store's cluster is down"),
        RedisServerException { Kind: RedisErrorKind.Busy } => new(false, true, "the store is busy"),
        RedisServerException { Kind: var kind } => new(false, true, $"the store refused ({kind})"),
        StoreUnavailableException away => new(away.IsFull, false, away.Message),
        RedisTimeoutException or TimeoutException => new(false, false, "the store did not answer in time"),
        _ => new(false, false, "the store is not reachable"),
    };

    /// <summary>
    /// Why a step failed. A step that the store aborts only says that it was; the same store then tells the reason of a
    /// small write, which would be refused likewise.
    /// </summary>
    public static async Task<StoreFailure> OfStepAsync(Exception exception, IDatabase database, PartitionKeys keys)
    {
        if (exception is not RedisServerException { Kind: RedisErrorKind.ExecAbort })
        {
            return Of(exception);
        }

        try
        {
            await database.StringSetAsync(keys.Probe, "", TimeSpan.FromSeconds(1)).InTimeAsync();
            return new(false, true, "the store aborted the step") { IsOver = true };
        }
        catch (Exception e) when (Covers(e))
        {
            return Of(e) with { IsCertain = true };
        }
    }

    public static StoreUnavailableException ToException(Exception exception)
    {
        var failure = Of(exception);
        return new StoreUnavailableException(failure.Reason, failure.IsFull, exception);
    }

    /// <summary>Runs a call whose failure is told as <see cref="StoreUnavailableException"/>.</summary>
    public static async ValueTask<T> TranslateAsync<T>(Task<T> call, CancellationToken cancellation)
    {
        try
        {
            return await call.InTimeAsync(cancellation);
        }
        catch (Exception e) when (Covers(e))
        {
            throw ToException(e);
        }
    }
}
