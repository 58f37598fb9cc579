using System.Text.Json;
using Relay.Mail.Policies;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Policies;

/// <summary>
/// A hash for each domain's day, a field for each process in it, and a set of the domains that still have to be told. Nothing
/// outlives the time within which a report is of use.
/// </summary>
internal sealed class RedisTlsReportStore(Store store) : ITlsReportStore
{
    private const string CountedBy = "by:";
    private const string SentTo = "to:";
    private static readonly RedisValue Ended = "ended";

    // The day itself, and two more in which the report may be tried again.
    private static readonly TimeSpan Kept = TimeSpan.FromDays(4);

    public async ValueTask WriteAsync(DateOnly day, string domain, string source, IReadOnlyList<TlsPolicyTotals> totals, CancellationToken cancellation)
    {
        // The set last: a domain that stands in it has something to tell.
        var document = JsonSerializer.SerializeToUtf8Bytes(totals, RecordJson.Default.IReadOnlyListTlsPolicyTotals);
        var database = store.Connections.Bulk;
        var key = StoreKeys.TlsReport(day, domain);
        await StoreFailure.TranslateAsync(database.HashSetAsync(key, CountedBy + source, document), cancellation);
        await StoreFailure.TranslateAsync(database.KeyExpireAsync(key, Kept), cancellation);
        await StoreFailure.TranslateAsync(database.SetAddAsync(StoreKeys.TlsReports(day), domain), cancellation);
        await StoreFailure.TranslateAsync(database.KeyExpireAsync(StoreKeys.TlsReports(day), Kept), cancellation);
    }

    public async ValueTask<IReadOnlyList<string>> FindDomainsAsync(DateOnly day, CancellationToken cancellation)
    {
        var members = await StoreFailure.TranslateAsync(store.Connections.Bulk.SetMembersAsync(StoreKeys.TlsReports(day)), cancellation);
        return [.. members.Select(member => member.ToString())];
    }

    public async ValueTask<TlsDay?> TryTakeAsync(DateOnly day, string domain, TimeSpan atMost, CancellationToken cancellation)
    {
        var database = store.Connections.Bulk;
        if (!await StoreFailure.TranslateAsync(database.StringSetAsync(StoreKeys.TlsReportTaken(day, domain), store.Owner, atMost, When.NotExists), cancellation))
        {
            return null;
        }

        var fields = await StoreFailure.TranslateAsync(database.HashGetAllAsync(StoreKeys.TlsReport(day, domain)), cancellation);
        if (fields.Length == 0 || fields.Any(field => field.Name == Ended))
        {
            // Sent before a process came late with its last minute: nobody is told twice.
            await StoreFailure.TranslateAsync(database.SetRemoveAsync(StoreKeys.TlsReports(day), domain), cancellation);
            return null;
        }

        return new TlsDay(
            [.. fields.Where(field => field.Name.StartsWith(CountedBy)).SelectMany(field => Read(field.Value))],
            fields.Where(field => field.Name.StartsWith(SentTo)).Select(field => field.Name.ToString()[SentTo.Length..]).ToHashSet(StringComparer.Ordinal));
    }

    public async ValueTask NoteSentAsync(DateOnly day, string domain, string place, CancellationToken cancellation) =>
        await StoreFailure.TranslateAsync(store.Connections.Bulk.HashSetAsync(StoreKeys.TlsReport(day, domain), SentTo + place, 1), cancellation);

    public async ValueTask EndAsync(DateOnly day, string domain, CancellationToken cancellation)
    {
        await StoreFailure.TranslateAsync(store.Connections.Bulk.HashSetAsync(StoreKeys.TlsReport(day, domain), Ended, 1), cancellation);
        await StoreFailure.TranslateAsync(store.Connections.Bulk.SetRemoveAsync(StoreKeys.TlsReports(day), domain), cancellation);
    }

    private static IReadOnlyList<TlsPolicyTotals> Read(RedisValue document)
    {
        try
        {
            return JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)document).Span, RecordJson.Default.IReadOnlyListTlsPolicyTotals) ?? [];
        }
        catch (JsonException)
        {
            return [];
        }
    }
}
