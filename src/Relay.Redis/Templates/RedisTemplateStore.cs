using Relay.Mail.Accounts;
using Relay.Mail.Templates;
using Relay.Redis.Accounts;
using Relay.Redis.Connections;
using Relay.Redis.Keys;
using Relay.Redis.Records;
using StackExchange.Redis;

namespace Relay.Redis.Templates;

/// <summary>Templates as documents in a hash of the account. They may be large, so lists look at the ids first and read a few at a time of no more than a page.</summary>
internal sealed class RedisTemplateStore(Store store, Documents documents, AccountChanges changes) : ITemplateStore
{
    // Of half a megabyte each, or three where JSON escapes every character: others read over the same connection.
    private const int ReadTogether = 5;

    private IDatabase Database => store.Connections.Reading;

    public ValueTask<MailTemplate?> FindAsync(string account, string id, CancellationToken cancellation) =>
        documents.FindAsync(StoreKeys.Templates(account), id, RecordJson.Default.MailTemplate, cancellation);

    public async ValueTask<int> CountAsync(string account, CancellationToken cancellation) =>
        (int)await StoreFailure.TranslateAsync(Database.HashLengthAsync(StoreKeys.Templates(account), StoreConnections.FromPrimary), cancellation);

    public async ValueTask<TemplatePage> ListAsync(string account, string? after, int most, CancellationToken cancellation)
    {
        var hash = StoreKeys.Templates(account);
        var ids = await StoreFailure.TranslateAsync(Database.HashKeysAsync(hash), cancellation);
        var rest = ids.Select(id => id.ToString()).Where(id => string.CompareOrdinal(id, after) > 0).Order(StringComparer.Ordinal).ToList();
        var templates = new List<MailTemplate>();
        foreach (var few in rest.Take(most).Select(id => (RedisValue)id).Chunk(ReadTogether))
        {
            var read = await documents.ListAsync(hash, few, RecordJson.Default.MailTemplate, cancellation);
            templates.AddRange(read.Select(template => template with { Text = null, Html = null }));
        }

        return new TemplatePage(templates, rest.Count > most ? rest[most - 1] : null);
    }

    public async ValueTask<bool> TryAddAsync(MailTemplate template, CancellationToken cancellation)
    {
        var added = await documents.TryAddAsync(StoreKeys.Templates(template.Account), template.Id, template, RecordJson.Default.MailTemplate, cancellation);
        await changes.TellAsync(AccountPart.Templates, cancellation);
        return added;
    }

    public async ValueTask<MailTemplate?> ChangeAsync(string account, string id, Func<MailTemplate, MailTemplate> change, CancellationToken cancellation)
    {
        var changed = await documents.ChangeAsync(StoreKeys.Templates(account), id, change, RecordJson.Default.MailTemplate, cancellation);
        await changes.TellAsync(AccountPart.Templates, cancellation);
        return changed;
    }

    public async ValueTask<bool> RemoveAsync(string account, string id, CancellationToken cancellation)
    {
        var removed = await documents.TryRemoveAsync<MailTemplate>(StoreKeys.Templates(account), id, _ => true, RecordJson.Default.MailTemplate, cancellation);
        await changes.TellAsync(AccountPart.Templates, cancellation);
        return removed;
    }
}
