using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Relay.Mail.Queue;
using Relay.Mail.Suppressions;
using Relay.Redis.Accounts;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using Relay.Smtp.Addresses;
using StackExchange.Redis;

namespace Relay.Redis.Suppressions;

/// <summary>
/// An account's suppressions in hashes by address, spread over parts by the address's own hash: a list of ten million is
/// spread over the shards of a cluster, and no part of it is ever read whole. What holds for one stream only stands beside the
/// address's own entry in the same part, so that one command looks for both.
/// </summary>
internal sealed class RedisSuppressionStore(Store store, BrokenDocuments broken, SuppressionNews news) : ISuppressionStore
{
    /// <summary>Decided for ever: an address is looked for in one part only.</summary>
    private const int Parts = 64;

    // Whoever changes an entry at the same moment is one person, or tells the same.
    private const int MostAttempts = 3;

    private IDatabase Database => store.Connections.Reading;

    public async ValueTask<Suppression?> FindAsync(string account, EnvelopeAddress address, string? stream, CancellationToken cancellation)
    {
        var key = Suppression.KeyOf(address);
        var hash = StoreKeys.Suppressed(account, PartOf(key));
        if (stream is null)
        {
            return ReadFound(hash, key, await StoreFailure.TranslateAsync(Database.HashGetAsync(hash, key, StoreConnections.FromPrimary), cancellation));
        }

        RedisValue[] fields = [key, FieldOf(key, stream)];
        var documents = await StoreFailure.TranslateAsync(Database.HashGetAsync(hash, fields, StoreConnections.FromPrimary), cancellation);
        return ReadFound(hash, fields[0], documents[0]) ?? ReadFound(hash, fields[1], documents[1]);
    }

    public async ValueTask<IReadOnlyList<Suppression>> FindBothAsync(string account, EnvelopeAddress address, string? stream, CancellationToken cancellation)
    {
        var key = Suppression.KeyOf(address);
        return await ReadAsync(StoreKeys.Suppressed(account, PartOf(key)), stream is null ? [key] : [key, FieldOf(key, stream)], cancellation);
    }

    public async ValueTask<IReadOnlySet<string>> ListStreamsAsync(string account, CancellationToken cancellation)
    {
        var streams = await StoreFailure.TranslateAsync(Database.SetMembersAsync(StoreKeys.SuppressedStreams(account), StoreConnections.FromPrimary), cancellation);
        return streams.Select(stream => stream.ToString()).ToHashSet();
    }

    public ValueTask<IReadOnlyList<Suppression>> FindAllAsync(string account, EnvelopeAddress address, CancellationToken cancellation)
    {
        var key = Suppression.KeyOf(address);
        return ReadAllAsync(account, StoreKeys.Suppressed(account, PartOf(key)), key, cancellation);
    }

    public ValueTask<IReadOnlyList<Suppression>> FindReleasedAsync(string account, EnvelopeAddress address, CancellationToken cancellation)
    {
        var key = Suppression.KeyOf(address);
        return ReadAllAsync(account, StoreKeys.Released(account, PartOf(key)), key, cancellation);
    }

    public async ValueTask<int> AddAsync(string account, IReadOnlyList<Suppression> suppressions, CancellationToken cancellation)
    {
        // A person who adds an address means it, whatever happened to it before.
        var told = suppressions.Where(each => each.Reason != SuppressionReason.Manual).ToList();
        var released = await StoreFailure.TranslateAsync(
            Task.WhenAll(told.Select(each => Database.HashGetAsync(StoreKeys.Released(account, PartOf(each.Address)), FieldOf(each), StoreConnections.FromPrimary))),
            cancellation);
        var outdated = told.Where((each, n) => WasReleasedSince(account, each, released[n])).ToHashSet(ReferenceEqualityComparer.Instance);
        var wanted = suppressions.Where(each => !outdated.Contains(each)).ToList();

        // First: a stream that is known without an entry does no harm, an entry of an unknown stream would not be shown.
        RedisValue[] streams = [.. wanted.Select(each => each.Stream).OfType<string>().Distinct().Select(stream => (RedisValue)stream)];
        var known = StoreKeys.SuppressedStreams(account);
        if (streams.Length > 0 && await StoreFailure.TranslateAsync(Database.SetLengthAsync(known, StoreConnections.FromPrimary), cancellation) < ISuppressionStore.MostStreams)
        {
            await StoreFailure.TranslateAsync(Database.SetAddAsync(known, streams), cancellation);
        }

        var added = await StoreFailure.TranslateAsync(
            Task.WhenAll(wanted.Select(each => Database.HashSetAsync(StoreKeys.Suppressed(account, PartOf(each.Address)), FieldOf(each), Write(each), When.NotExists))),
            cancellation);
        var replaced = await Task.WhenAll(wanted.Select((each, n) => !added[n] && each.IsReadersWord ? TryReplaceAsync(account, each, cancellation) : Task.FromResult(false)));
        news.Tell(account, [.. wanted.Where((_, n) => added[n]).Select(each => each.Address)]);
        return added.Count(isNew => isNew) + replaced.Count(isNew => isNew);
    }

    // HGET, then on condition that the field still holds what was read: HSET. One that cannot be read holds mail back as it is.
    private async Task<bool> TryReplaceAsync(string account, Suppression suppression, CancellationToken cancellation)
    {
        var (hash, field) = (StoreKeys.Suppressed(account, PartOf(suppression.Address)), FieldOf(suppression));
        for (var attempts = 0; attempts < MostAttempts; attempts++)
        {
            var document = await StoreFailure.TranslateAsync(Database.HashGetAsync(hash, field, StoreConnections.FromPrimary), cancellation);
            var known = document.IsNull ? null : TryRead(hash, field, document);
            if (!document.IsNull && (known is null || !suppression.Outweighs(known)))
            {
                return false;
            }

            var step = store.Connections.Background.CreateTransaction();
            step.AddCondition(document.IsNull ? Condition.HashNotExists(hash, field) : Condition.HashEqual(hash, field, document));
            _ = step.HashSetAsync(hash, field, Write(suppression.InPlaceOf(known)));
            if (await StoreFailure.TranslateAsync(step.RunAsync(), cancellation))
            {
                return true;
            }
        }

        return false;
    }

    public async ValueTask<bool> ReleaseAsync(
        string account, EnvelopeAddress address, string? stream, string by, DateTimeOffset now, CancellationToken cancellation)
    {
        var key = Suppression.KeyOf(address);
        var (part, field) = (PartOf(key), FieldOf(key, stream));
        var hash = StoreKeys.Suppressed(account, part);
        var document = await StoreFailure.TranslateAsync(Database.HashGetAsync(hash, field, StoreConnections.FromPrimary), cancellation);
        if (document.IsNull)
        {
            return false;
        }

        // One that cannot be read holds mail back all the same, and is released like the others.
        var known = TryRead(hash, field, document) ?? new Suppression { Address = key, Stream = stream, Reason = SuppressionReason.Manual, Since = now };
        var step = store.Connections.Background.CreateTransaction();
        step.AddCondition(Condition.HashEqual(hash, field, document));
        _ = step.HashDeleteAsync(hash, field);
        _ = step.HashSetAsync(StoreKeys.Released(account, part), field, Write(known with { ReleasedAt = now, ReleasedBy = by }));
        return await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
    }

    public async ValueTask<SuppressionPage> ListAsync(string account, string? cursor, int limit, CancellationToken cancellation)
    {
        var place = Place.Parse(cursor);
        var items = new List<Suppression>(limit);
        while (place.Part < Parts && items.Count < limit)
        {
            var hash = StoreKeys.Suppressed(account, place.Part);
            place = await StoreFailure.TranslateAsync(ScanAsync(hash, place, limit, items, cancellation), cancellation);
        }

        return new SuppressionPage(items, place.Part < Parts ? place.ToString() : null);
    }

    // A scan answers in lots of its own size; what is left of a lot is found again by its offset.
    private async Task<Place> ScanAsync(RedisKey hash, Place place, int limit, List<Suppression> items, CancellationToken cancellation)
    {
        var scan = Database.HashScanAsync(hash, default, limit, place.Cursor, place.Offset);
        await using var fields = scan.GetAsyncEnumerator(cancellation);
        while (items.Count < limit)
        {
            if (!await fields.MoveNextAsync())
            {
                return new Place(place.Part + 1, 0, 0);
            }

            if (TryRead(hash, fields.Current.Name, fields.Current.Value) is { } suppression)
            {
                items.Add(suppression);
            }
        }

        var (cursor, offset) = ((IScanningCursor)fields).Cursor is var at ? (at, ((IScanningCursor)fields).PageOffset + 1) : default;
        return new Place(place.Part, cursor, offset);
    }

    private async ValueTask<IReadOnlyList<Suppression>> ReadAllAsync(string account, RedisKey hash, string address, CancellationToken cancellation)
    {
        var streams = await ListStreamsAsync(account, cancellation);
        return await ReadAsync(hash, [address, .. streams.Order(StringComparer.Ordinal).Select(stream => FieldOf(address, stream))], cancellation);
    }

    private async ValueTask<IReadOnlyList<Suppression>> ReadAsync(RedisKey hash, RedisValue[] fields, CancellationToken cancellation)
    {
        var documents = await StoreFailure.TranslateAsync(Database.HashGetAsync(hash, fields, StoreConnections.FromPrimary), cancellation);
        return [.. fields.Zip(documents, (field, document) => ReadFound(hash, field, document)).OfType<Suppression>()];
    }

    private Suppression? ReadFound(RedisKey hash, RedisValue field, RedisValue document) =>
        document.IsNull
            ? null
            : TryRead(hash, field, document) ?? throw new StoreUnavailableException($"the document '{field}' of {hash} cannot be read");

    private bool WasReleasedSince(string account, Suppression suppression, RedisValue document) =>
        !document.IsNull
        && TryRead(StoreKeys.Released(account, PartOf(suppression.Address)), FieldOf(suppression), document) is { ReleasedAt: { } released }
        && released >= suppression.Since;

    private Suppression? TryRead(RedisKey hash, RedisValue field, RedisValue document)
    {
        try
        {
            return JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)document).Span, RecordJson.Default.Suppression) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            broken.Add(hash, field, document, e.Message);
            return null;
        }
    }

    private static byte[] Write(Suppression suppression) => JsonSerializer.SerializeToUtf8Bytes(suppression, RecordJson.Default.Suppression);

    private static RedisValue FieldOf(Suppression suppression) => FieldOf(suppression.Address, suppression.Stream);

    // No domain ends in a bar and a name, so the field of one address never is that of another.
    private static RedisValue FieldOf(string address, string? stream) => stream is null ? address : $"{address}|{stream}";

    private static int PartOf(string address)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(address), hash);
        return hash[0] % Parts;
    }

    /// <summary>Where a listing goes on.</summary>
    private readonly record struct Place(int Part, long Cursor, int Offset)
    {
        public static Place Parse(string? text) =>
            text is null ? default
            : text.Split('.') is [var part, var cursor, var offset]
                && int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var p) && p < Parts
                && long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var c)
                && int.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out var o)
                ? new Place(p, c, o)
                : throw new FormatException("no cursor of a list of suppressions");

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Part}.{Cursor}.{Offset}");
    }
}
