using Relay.Mail.Accounts;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using StackExchange.Redis;

namespace Relay.Redis.Accounts;

/// <summary>
/// Answers by the name of their request, each a key of its own that vanishes by itself.
/// <code>
/// running   00 and the run's id
/// ended     01 and the answer
/// </code>
/// A run begins by SET NX, and ends on condition that its own note still stands there.
/// </summary>
internal sealed class RedisAnswerStore(Store store) : IAnswerStore
{
    private const byte Running = 0;
    private const byte Ended = 1;

    // A note may vanish between being met and being read; so often in a row it does not.
    private const int MostAttempts = 5;

    private IDatabase Database => store.Connections.Reading;

    public async ValueTask<KeptAnswer?> TryBeginAsync(string account, string name, Guid run, TimeSpan kept, CancellationToken cancellation)
    {
        var key = StoreKeys.Answer(account, name);
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            if (await StoreFailure.TranslateAsync(Database.StringSetAsync(key, NoteOf(run), kept, When.NotExists), cancellation))
            {
                return null;
            }

            var known = await StoreFailure.TranslateAsync(Database.StringGetAsync(key, StoreConnections.FromPrimary), cancellation);
            if (!known.IsNullOrEmpty)
            {
                var octets = (ReadOnlyMemory<byte>)known;
                return new KeptAnswer(octets.Span[0] == Ended ? octets[1..] : (ReadOnlyMemory<byte>?)null);
            }
        }

        throw new StoreUnavailableException($"the answer '{name}' of {account} comes and goes");
    }

    public async ValueTask FinishAsync(string account, string name, Guid run, ReadOnlyMemory<byte> answer, TimeSpan kept, CancellationToken cancellation)
    {
        var key = StoreKeys.Answer(account, name);
        await EndAsync(key, run, step => step.StringSetAsync(key, (byte[])[Ended, .. answer.Span], kept), cancellation);
    }

    public async ValueTask GiveUpAsync(string account, string name, Guid run, CancellationToken cancellation)
    {
        var key = StoreKeys.Answer(account, name);
        await EndAsync(key, run, step => step.KeyDeleteAsync(key), cancellation);
    }

    private async ValueTask EndAsync(RedisKey key, Guid run, Func<ITransaction, Task> write, CancellationToken cancellation)
    {
        var step = store.Connections.Background.CreateTransaction();
        step.AddCondition(Condition.StringEqual(key, NoteOf(run)));
        _ = write(step);
        await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
    }

    private static byte[] NoteOf(Guid run) => [Running, .. run.ToByteArray()];
}
