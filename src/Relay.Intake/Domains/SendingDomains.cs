using Microsoft.Extensions.Options;
using Relay.Intake.Admission;
using Relay.Mail.Accounts;
using Relay.Mail.Signing;

namespace Relay.Intake.Domains;

/// <summary>
/// What an account may send as, and with which keys that is signed, mostly without asking the store. A domain covers its
/// subdomains unless it is an exact one: who controls a zone controls what hangs below it, and DMARC finds its signature
/// aligned with them.
/// </summary>
internal sealed class SendingDomains : ISigners
{
    private static readonly Known Nothing = new(SendingDomainStatus.Pending, null, IsExact: false, null, null, default, []);

    private readonly IAccountStore _store;
    private readonly KeySeal _seal;
    private readonly TimeSpan _grace;
    private readonly TimeProvider _time;

    // As long as credentials are remembered, for the same reason.
    private readonly ShortCache<(string Account, string Domain), Known> _cache;

    public SendingDomains(IAccountStore store, KeySeal seal, IOptions<DomainOptions> options, TimeProvider time)
    {
        _store = store;
        _seal = seal;
        _grace = options.Value.Grace;
        _time = time;
        _cache = new(time, TimeSpan.FromSeconds(10), capacity: 20_000);
        store.Changed += part =>
        {
            if (part == AccountPart.Domains)
            {
                _cache.Clear();
            }
        };
    }

    /// <param name="domain">Lower case, A-labels.</param>
    public async ValueTask<bool> CoversAsync(string account, string domain, CancellationToken cancellation)
    {
        for (var name = domain; IsDomain(name); name = Above(name))
        {
            var known = await FindAsync(account, name, cancellation);
            if (MaySendAs(known) && (name.Length == domain.Length || !known.IsExact))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The DMARC policy of the nearest of the account's domains at or above this one that has been looked at.</summary>
    public async ValueTask<DmarcPolicy> FindPolicyAsync(string account, string domain, CancellationToken cancellation)
    {
        for (var name = domain; IsDomain(name); name = Above(name))
        {
            if (await FindAsync(account, name, cancellation) is { Status: not SendingDomainStatus.Pending } known)
            {
                return known.Policy;
            }
        }

        return default;
    }

    /// <summary>The last look at one of the account's domains found that the SPF record of this name lets us send.</summary>
    public async ValueTask<bool> LetsUsSendAsync(string account, string envelope, CancellationToken cancellation)
    {
        for (var name = envelope; IsDomain(name); name = Above(name))
        {
            if ((await FindAsync(account, name, cancellation)).MayUse.Contains(envelope))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Signs with the keys of now.</summary>
    /// <param name="domain">Lower case, A-labels.</param>
    public async ValueTask<DkimSigner?> FindSignerAsync(string account, string domain, CancellationToken cancellation) =>
        (await FindSignersAsync(account, domain, cancellation))?.Now;

    public async ValueTask<DkimSigner?> FindSignerAsync(string account, string domain, DateTimeOffset at, CancellationToken cancellation) =>
        (await FindSignersAsync(account, domain, cancellation))?.At(at);

    private async ValueTask<DomainSigners?> FindSignersAsync(string account, string domain, CancellationToken cancellation)
    {
        Known? unproven = null;
        for (var name = domain; IsDomain(name); name = Above(name))
        {
            var known = await FindAsync(account, name, cancellation);
            if (known.Signers is null)
            {
                continue;
            }

            if (MaySendAs(known))
            {
                return known.Signers;
            }

            // Its keys may be nowhere in the DNS; those of a proven domain above are.
            unproven ??= known;
        }

        return unproven?.Signers;
    }

    /// <summary>The return path of the nearest of the account's domains at or above this one; null when that has none that works.</summary>
    /// <param name="domain">Lower case, A-labels.</param>
    public async ValueTask<string?> FindReturnPathAsync(string account, string domain, CancellationToken cancellation)
    {
        for (var name = domain; IsDomain(name); name = Above(name))
        {
            if (await FindAsync(account, name, cancellation) is var known && MaySendAs(known))
            {
                return known.ReturnPath;
            }
        }

        return null;
    }

    /// <summary>The domain changed here: the next use asks the store.</summary>
    public void Forget(string account, string domain) => _cache.Forget((account, domain));

    // A single label is nobody's to send as.
    private static bool IsDomain(string name) => name.Contains('.', StringComparison.Ordinal);

    private static string Above(string name) => name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..];

    private bool MaySendAs(Known known) => known.Status switch
    {
        SendingDomainStatus.Verified => true,
        SendingDomainStatus.Failing => known.FailingSince + _grace > _time.GetUtcNow(),
        _ => false,
    };

    private async ValueTask<Known> FindAsync(string account, string name, CancellationToken cancellation)
    {
        if (_cache.TryGet((account, name), out var known))
        {
            return known;
        }

        var version = _cache.Version;
        known = await _store.FindDomainAsync(account, name, cancellation) is { } domain ? Of(domain) : Nothing;
        _cache.Remember((account, name), known, version);
        return known;
    }

    private Known Of(SendingDomain domain) => new(
        domain.Status,
        domain.FailingSince,
        domain.IsExact,
        domain.ReturnPath(),
        domain.SigningKeys().Count == 0 ? null : new DomainSigners(domain, _seal),
        PolicyOf(domain.Findings.FirstOrDefault(finding => finding.Purpose == RecordFinding.Dmarc)),
        [.. domain.Findings.Where(finding => finding is { Purpose: RecordFinding.Spf or RecordFinding.ReturnPathSpf, State: RecordState.Verified }).Select(finding => finding.Name)]);

    private static DmarcPolicy PolicyOf(RecordFinding? found) =>
        found is null ? default : new(found.State is RecordState.Missing or RecordState.Wrong, found.StrictDkim, found.StrictSpf);

    private sealed record Known(
        SendingDomainStatus Status, DateTimeOffset? FailingSince, bool IsExact, string? ReturnPath, DomainSigners? Signers, DmarcPolicy Policy, string[] MayUse);
}

/// <summary>What is known of a domain's DMARC policy.</summary>
/// <param name="IsMissing">It has been looked for, and there is none, not even from above.</param>
/// <param name="StrictDkim">Only signatures of the author's very domain count.</param>
/// <param name="StrictSpf">Only envelope senders of the author's very domain count.</param>
internal readonly record struct DmarcPolicy(bool IsMissing, bool StrictDkim, bool StrictSpf);
