using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Relay.Mail.Queue;
using Relay.Redis.Connections;
using StackExchange.Redis;

namespace Relay.Redis.Accounts;

/// <summary>Documents in the fields of hashes. Reads go to the store each time; whoever reads often keeps a short cache.</summary>
internal sealed class Documents(Store store, BrokenDocuments broken)
{
    // People and a schedule change a document; so many of them at the same moment is no honest use.
    private const int MostAttempts = 20;

    private IDatabase Database => store.Connections.Reading;

    public async ValueTask<T?> FindAsync<T>(
        RedisKey hash, string field, JsonTypeInfo<T> type, CancellationToken cancellation, CommandFlags from = CommandFlags.None)
        where T : class
    {
        var document = await StoreFailure.TranslateAsync(Database.HashGetAsync(hash, field, from), cancellation);
        return document.IsNull ? null : Read(hash, field, document, type);
    }

    /// <summary>By the names of their fields; those that cannot be read are left out.</summary>
    public async ValueTask<IReadOnlyList<T>> ListAsync<T>(
        RedisKey hash, JsonTypeInfo<T> type, CancellationToken cancellation, CommandFlags from = CommandFlags.None)
        where T : class
    {
        var documents = await StoreFailure.TranslateAsync(Database.HashGetAllAsync(hash, from), cancellation);
        return [.. documents.OrderBy(d => (string?)d.Name, StringComparer.Ordinal).Select(d => TryRead(hash, d.Name, d.Value, type)).OfType<T>()];
    }

    /// <summary>The documents of some fields, as far as they are there and can be read.</summary>
    public async ValueTask<IReadOnlyList<T>> ListAsync<T>(RedisKey hash, RedisValue[] fields, JsonTypeInfo<T> type, CancellationToken cancellation)
        where T : class
    {
        var documents = await StoreFailure.TranslateAsync(Database.HashGetAsync(hash, fields), cancellation);
        return [.. fields.Zip(documents).Where(pair => !pair.Second.IsNull).Select(pair => TryRead(hash, pair.First, pair.Second, type)).OfType<T>()];
    }

    public async ValueTask PutAsync<T>(RedisKey hash, string field, T value, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        await StoreFailure.TranslateAsync(Database.HashSetAsync(hash, field, Write(value, type)), cancellation);
    }

    /// <summary>False when the field is there already.</summary>
    public ValueTask<bool> TryAddAsync<T>(RedisKey hash, string field, T value, JsonTypeInfo<T> type, CancellationToken cancellation) =>
        StoreFailure.TranslateAsync(Database.HashSetAsync(hash, field, Write(value, type), When.NotExists), cancellation);

    /// <summary>
    /// HGET, then on condition that the field still holds what was read: HSET. Another's change in between means once more.
    /// Null when there is none, or <paramref name="change"/> wants none.
    /// </summary>
    public async ValueTask<T?> ChangeAsync<T>(RedisKey hash, string field, Func<T, T?> change, JsonTypeInfo<T> type, CancellationToken cancellation)
        where T : class
    {
        T? changed = null;
        return await TryStepAsync(hash, field, type, known => (changed = change(known)) is not null, step => step.HashSetAsync(hash, field, Write(changed!, type)), cancellation)
            ? changed
            : null;
    }

    public async ValueTask RemoveAsync(RedisKey hash, string field, CancellationToken cancellation)
    {
        await StoreFailure.TranslateAsync(Database.HashDeleteAsync(hash, field), cancellation);
    }

    /// <summary>HGET, then HDEL on the same condition. False when there is none, or it is not the one that is meant.</summary>
    public ValueTask<bool> TryRemoveAsync<T>(RedisKey hash, string field, Func<T, bool> isMeant, JsonTypeInfo<T> type, CancellationToken cancellation)
        where T : class =>
        TryStepAsync(hash, field, type, isMeant, step => step.HashDeleteAsync(hash, field), cancellation);

    private async ValueTask<bool> TryStepAsync<T>(
        RedisKey hash, string field, JsonTypeInfo<T> type, Func<T, bool> isMeant, Action<ITransaction> write, CancellationToken cancellation)
        where T : class
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var known = await StoreFailure.TranslateAsync(Database.HashGetAsync(hash, field, StoreConnections.FromPrimary), cancellation);
            if (known.IsNull || !isMeant(Read(hash, field, known, type)))
            {
                return false;
            }

            var step = store.Connections.Background.CreateTransaction();
            step.AddCondition(Condition.HashEqual(hash, field, known));
            write(step);
            if (await StoreFailure.TranslateAsync(step.RunAsync(), cancellation))
            {
                return true;
            }
        }

        throw new StoreUnavailableException($"the document '{field}' of {hash} is changed by others all the time");
    }

    private static byte[] Write<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(value, type);

    private T Read<T>(RedisKey hash, RedisValue field, RedisValue document, JsonTypeInfo<T> type)
        where T : class =>
        TryRead(hash, field, document, type) ?? throw new StoreUnavailableException($"the document '{field}' of {hash} cannot be read");

    // Null when it is broken: a list shows the others, and whoever asked for this one is told to come back.
    private T? TryRead<T>(RedisKey hash, RedisValue field, RedisValue document, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)document).Span, type) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            broken.Add(hash, field, document, e.Message);
            return null;
        }
    }
}
