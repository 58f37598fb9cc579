using Microsoft.Extensions.Logging;
using Relay.Mail.Accounts;
using Relay.Mail.Queue;
using Relay.Redis.Administration;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using StackExchange.Redis;

namespace Relay.Redis.Accounts;

/// <summary>
/// Tells every node that accounts were changed: a key that is revoked must not go on working where it is remembered. Each
/// part has a number that grows with each change. Nodes look at the numbers when the bell rings, and often without, since a
/// ring may be lost. While they cannot look, anything may have changed, and that is told too.
/// </summary>
internal sealed class AccountChanges(Store store, Bell bell, TimeProvider time, ILogger<AccountChanges> logger)
{
    // Twice within the second that is promised; one small read costs nothing.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(400);

    private static readonly AccountPart[] Parts = Enum.GetValues<AccountPart>();
    private static readonly RedisValue[] Fields = [.. Parts.Select(part => (RedisValue)part.ToString())];

    private RedisValue[]? _known;

    /// <summary>Handlers must not block.</summary>
    public event Action<AccountPart>? Changed;

    /// <summary>It is written, and nobody is to rely on what stood there before.</summary>
    public async ValueTask TellAsync(AccountPart part, CancellationToken cancellation)
    {
        await StoreFailure.TranslateAsync(store.Connections.Reading.HashIncrementAsync(StoreKeys.AccountChanges, part.ToString()), cancellation);
        Changed?.Invoke(part);
        bell.Ring(bell.Accounts);
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            var rung = bell.Accounts.Next;
            try
            {
                Compare(await store.Connections.Reading.HashGetAsync(StoreKeys.AccountChanges, Fields, StoreConnections.FromPrimary).InTimeAsync(cancellation));
            }
            catch (Exception e) when (StoreFailure.Covers(e) || e is StoreUnavailableException)
            {
                logger.AccountChangesUnread(StoreFailure.Of(e).Reason);
                _known = null;
                Array.ForEach(Parts, part => Changed?.Invoke(part));
            }

            await rung.WaitAsync(Look, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // The first look compares with nothing: what was read before it may be older than a change.
    private void Compare(RedisValue[] numbers)
    {
        for (var i = 0; i < Parts.Length; i++)
        {
            if (_known is null || _known[i] != numbers[i])
            {
                Changed?.Invoke(Parts[i]);
            }
        }

        _known = numbers;
    }
}
