using Relay.Intake.Admission;
using Relay.Mail.Accounts;
using Relay.Mail.Suppressions;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Domains;

/// <summary>The single addresses that accounts may send as, mostly without asking the store. It is asked only where no domain covers the address.</summary>
internal sealed class SendingAddresses
{
    private readonly ISenderStore _store;
    private readonly ShortCache<(string Account, string Address), bool> _cache;

    public SendingAddresses(ISenderStore store, IAccountStore accounts, TimeProvider time)
    {
        _store = store;
        _cache = new(time, TimeSpan.FromSeconds(10), capacity: 20_000);
        accounts.Changed += part =>
        {
            if (part == AccountPart.Senders)
            {
                _cache.Clear();
            }
        };
    }

    /// <summary>What an address is kept and compared by.</summary>
    public static string KeyOf(EnvelopeAddress address) => Suppression.KeyOf(address);

    public async ValueTask<bool> CoversAsync(string account, EnvelopeAddress address, CancellationToken cancellation)
    {
        var key = (account, KeyOf(address));
        if (_cache.TryGet(key, out var covers))
        {
            return covers;
        }

        var version = _cache.Version;
        covers = await _store.FindAsync(account, key.Item2, cancellation) is { VerifiedAt: not null };
        _cache.Remember(key, covers, version);
        return covers;
    }

    /// <summary>An address was verified or removed here: the next use asks the store.</summary>
    public void Forget(string account, string address) => _cache.Forget((account, address));
}
