using Relay.Mail.Accounts;

namespace Relay.Intake.Admission;

/// <summary>Tells whether an account has proved a domain. A verified domain covers its subdomains: who controls a zone controls what hangs below it.</summary>
internal sealed class VerifiedDomains(IAccountStore store, TimeProvider time)
{
    // As long as credentials are remembered, for the same reason.
    private readonly ShortCache<(string Account, string Domain), bool> _cache = new(time, TimeSpan.FromSeconds(10), capacity: 20_000);

    /// <param name="domain">Lower case, A-labels.</param>
    public async ValueTask<bool> CoversAsync(string account, string domain, CancellationToken cancellation)
    {
        // A single label is nobody's to send as.
        for (var name = domain; name.Contains('.', StringComparison.Ordinal); name = name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..])
        {
            if (await IsVerifiedAsync(account, name, cancellation))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The domain's status changed here: the next use asks the store.</summary>
    public void Forget(string account, string domain) => _cache.Forget((account, domain));

    private async ValueTask<bool> IsVerifiedAsync(string account, string name, CancellationToken cancellation)
    {
        if (_cache.TryGet((account, name), out var verified))
        {
            return verified;
        }

        var version = _cache.Version;
        verified = await store.FindDomainAsync(account, name, cancellation) is { Status: SendingDomainStatus.Verified };
        _cache.Remember((account, name), verified, version);
        return verified;
    }
}
