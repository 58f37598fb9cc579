using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Relay.Mail.Accounts;

namespace Relay.Intake.Admission;

/// <summary>Finds who a key belongs to, mostly without asking the store.</summary>
internal sealed class Credentials
{
    // Changes are heard of, on whatever node they were made. This is for one that nobody could tell.
    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(10);

    // Some hundred octets each: a few MB at worst.
    private const int Capacity = 20_000;

    private readonly IAccountStore _store;
    private readonly Credential? _admin;
    private readonly ShortCache<string, Credential> _known;
    // Apart from the known ones, so that a flood of wrong keys never drives a right one out.
    private readonly ShortCache<string, bool> _unknown;

    public Credentials(IAccountStore store, TimeProvider time, IOptions<BootstrapOptions> bootstrap)
    {
        _store = store;
        _known = new ShortCache<string, Credential>(time, Lifetime, Capacity);
        _unknown = new ShortCache<string, bool>(time, Lifetime, Capacity);
        _admin = AdminOf(bootstrap.Value.AdminKey, time);
        store.Changed += part =>
        {
            if (part == AccountPart.Credentials)
            {
                _known.Clear();
                _unknown.Clear();
            }
        };
    }

    /// <summary>The credential of this key, be it good still or not; null when there never was one.</summary>
    public async ValueTask<Credential?> FindAsync(string key, CancellationToken cancellation)
    {
        var hash = ApiKey.Hash(key);
        if (_admin is not null && CryptographicOperations.FixedTimeEquals(hash, _admin.KeyHash))
        {
            return _admin;
        }

        var credential = await LookUpAsync(hash, cancellation);
        return credential is not null && CryptographicOperations.FixedTimeEquals(hash, credential.KeyHash) ? credential : null;
    }

    /// <summary>A credential as it stands by now: a session may outlive its key and its limits. One that is not found stands as it was.</summary>
    public async ValueTask<Credential> NowAsync(Credential credential, CancellationToken cancellation) =>
        credential.IsAdmin ? credential : await LookUpAsync(credential.KeyHash, cancellation) ?? credential;

    /// <summary>A credential was made or revoked here: the next use asks the store.</summary>
    public void Forget(Credential credential)
    {
        _known.Forget(NameOf(credential.KeyHash));
        _unknown.Forget(NameOf(credential.KeyHash));
    }

    private ValueTask<Credential?> LookUpAsync(byte[] hash, CancellationToken cancellation)
    {
        var name = NameOf(hash);
        return _known.TryGet(name, out var credential) || _unknown.TryGet(name, out _)
            ? ValueTask.FromResult<Credential?>(credential)
            : AskStoreAsync(name, hash, cancellation);
    }

    private async ValueTask<Credential?> AskStoreAsync(string name, byte[] hash, CancellationToken cancellation)
    {
        var known = _known.Version;
        var unknown = _unknown.Version;
        var credential = await _store.FindCredentialAsync(hash, cancellation);
        if (credential is null)
        {
            _unknown.Remember(name, true, unknown);
        }
        else
        {
            _known.Remember(name, credential, known);
        }

        return credential;
    }

    private static string NameOf(byte[] hash) => Convert.ToHexString(hash);

    private static Credential? AdminOf(string? key, TimeProvider time) => string.IsNullOrEmpty(key) ? null : new Credential
    {
        Id = "admin",
        Account = Account.Default,
        Name = "admin key of the configuration",
        KeyHash = ApiKey.Hash(key),
        CreatedAt = time.GetUtcNow(),
        IsAdmin = true,
    };
}
