using Relay.Mail.Accounts;
using Relay.Redis.Keys;
using Relay.Redis.Records;

namespace Relay.Redis.Accounts;

/// <summary>Single verified addresses as documents in a hash of the account.</summary>
internal sealed class RedisSenderStore(Documents documents, AccountChanges changes) : ISenderStore
{
    public ValueTask<VerifiedSender?> FindAsync(string account, string address, CancellationToken cancellation) =>
        documents.FindAsync(StoreKeys.Senders(account), address, RecordJson.Default.VerifiedSender, cancellation);

    public ValueTask<IReadOnlyList<VerifiedSender>> ListAsync(string account, CancellationToken cancellation) =>
        documents.ListAsync(StoreKeys.Senders(account), RecordJson.Default.VerifiedSender, cancellation);

    public async ValueTask<bool> TryAddAsync(VerifiedSender sender, CancellationToken cancellation)
    {
        var added = await documents.TryAddAsync(StoreKeys.Senders(sender.Account), sender.Address, sender, RecordJson.Default.VerifiedSender, cancellation);
        await changes.TellAsync(AccountPart.Senders, cancellation);
        return added;
    }

    public async ValueTask<VerifiedSender?> ChangeAsync(
        string account, string address, Func<VerifiedSender, VerifiedSender?> change, CancellationToken cancellation)
    {
        var changed = await documents.ChangeAsync(StoreKeys.Senders(account), address, change, RecordJson.Default.VerifiedSender, cancellation);
        await changes.TellAsync(AccountPart.Senders, cancellation);
        return changed;
    }

    public async ValueTask RemoveAsync(string account, string address, CancellationToken cancellation)
    {
        await documents.RemoveAsync(StoreKeys.Senders(account), address, cancellation);
        await changes.TellAsync(AccountPart.Senders, cancellation);
    }
}
