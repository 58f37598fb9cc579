using System.Security.Cryptography;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Signing;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Redis.Accounts;

public abstract class AccountStoreContract : StoreContract<IAccountStore>
{
    // The store keeps whole times, so the clock of a test must not be finer.
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch.AddDays(20_000);

    [Fact]
    public async Task An_account_is_added_once()
    {
        Assert.True(await Store.TryAddAccountAsync(new Account("a", "First", Now), Cancellation));
        Assert.False(await Store.TryAddAccountAsync(new Account("a", "Second", Now), Cancellation));

        Assert.Equal(new Account("a", "First", Now), await Store.FindAccountAsync("a", Cancellation));
        Assert.Null(await Store.FindAccountAsync("b", Cancellation));
        Assert.Single(await Store.ListAccountsAsync(Cancellation));
    }

    [Fact]
    public async Task A_credential_is_found_by_the_hash_of_its_key_and_keeps_all_it_says()
    {
        var credential = Credential("acme", "key1") with
        {
            BounceMail = false,
            Scopes = [],
            Mode = MessageMode.Test,
            ExpiresAt = Now.AddDays(1),
            Domains = ["shop.test", "*.sub.test"],
            AddressRanges = ["192.0.2.0/24"],
            Limits = new SendingLimits { PerSecond = 0.5, PerDay = 100, PerMonth = 1_000 },
        };
        await Store.PutCredentialAsync(credential, Cancellation);

        var found = await Store.FindCredentialAsync(credential.KeyHash, Cancellation);

        Assert.Equivalent(credential, found, strict: true);
        Assert.Null(await Store.FindCredentialAsync(new byte[32], Cancellation));
    }

    [Fact]
    public async Task A_credential_is_changed_by_its_account_alone()
    {
        await Store.PutCredentialAsync(Credential("acme", "key1"), Cancellation);

        Assert.Null(await Store.ChangeCredentialAsync("other", "key1", known => known with { Name = "taken" }, Cancellation));
        Assert.Null(await Store.ChangeCredentialAsync("acme", "key2", known => known with { Name = "taken" }, Cancellation));
        Assert.Equal("mine", (await Store.ChangeCredentialAsync("acme", "key1", known => known with { Name = "mine" }, Cancellation))?.Name);

        Assert.Equal("mine", Assert.Single(await Store.ListCredentialsAsync("acme", Cancellation)).Name);
    }

    [Fact]
    public async Task An_account_has_limits_until_they_are_taken_away()
    {
        await Store.TryAddAccountAsync(new Account("a", "First", Now), Cancellation);
        var limits = new SendingLimits { PerSecond = 2.5, PerMonth = 7 };

        Assert.Equal(limits, (await Store.ChangeAccountAsync("a", known => known with { Limits = limits }, Cancellation))?.Limits);
        Assert.Equal(limits, (await Store.FindAccountAsync("a", Cancellation))?.Limits);
        await Store.ChangeAccountAsync("a", known => known with { Limits = null }, Cancellation);

        Assert.Null((await Store.FindAccountAsync("a", Cancellation))?.Limits);
        Assert.Null(await Store.ChangeAccountAsync("b", known => known, Cancellation));
    }

    [Fact]
    public async Task When_keys_were_used_is_kept_by_account()
    {
        await Store.NoteUsesAsync([new CredentialUse("acme", "key1", Now), new CredentialUse("acme", "key2", Now), new CredentialUse("other", "key3", Now)], Cancellation);
        await Store.NoteUsesAsync([new CredentialUse("acme", "key1", Now.AddMinutes(1))], Cancellation);
        await Store.NoteUsesAsync([], Cancellation);

        Assert.Equal(
            new Dictionary<string, DateTimeOffset> { ["key1"] = Now.AddMinutes(1), ["key2"] = Now }, await Store.ListUsesAsync("acme", Cancellation));
    }

    [Fact]
    public async Task What_is_changed_is_told()
    {
        var heard = new List<AccountPart>();
        Store.Changed += part =>
        {
            lock (heard)
            {
                heard.Add(part);
            }
        };

        await Store.PutCredentialAsync(Credential("acme", "key1"), Cancellation);

        lock (heard)
        {
            Assert.Contains(AccountPart.Credentials, heard);
        }
    }

    [Fact]
    public async Task A_revoked_credential_stays_and_says_so()
    {
        var credential = Credential("acme", "key1");
        await Store.PutCredentialAsync(credential, Cancellation);
        await Store.PutCredentialAsync(credential with { RevokedAt = Now }, Cancellation);

        Assert.Equal(Now, (await Store.FindCredentialAsync(credential.KeyHash, Cancellation))!.RevokedAt);
        Assert.Equal(Now, Assert.Single(await Store.ListCredentialsAsync("acme", Cancellation)).RevokedAt);
    }

    [Fact]
    public async Task Nothing_of_one_account_is_listed_under_another()
    {
        await Store.PutCredentialAsync(Credential("acme", "key1"), Cancellation);
        await Store.PutDomainAsync(Domain("acme", "acme.test"), Cancellation);

        Assert.Empty(await Store.ListCredentialsAsync("other", Cancellation));
        Assert.Empty(await Store.ListDomainsAsync("other", Cancellation));
        Assert.Null(await Store.FindDomainAsync("other", "acme.test", Cancellation));
    }

    [Fact]
    public async Task A_domain_is_put_changed_and_removed()
    {
        var domain = Domain("acme", "acme.test");
        await Store.PutDomainAsync(domain, Cancellation);
        await Store.PutDomainAsync(domain with { Status = SendingDomainStatus.Verified, CheckedAt = Now }, Cancellation);
        Assert.Equal(SendingDomainStatus.Verified, (await Store.FindDomainAsync("acme", "acme.test", Cancellation))!.Status);
        Assert.Single(await Store.ListDomainsAsync("acme", Cancellation));

        await Store.RemoveDomainAsync("acme", "acme.test", Cancellation);

        Assert.Null(await Store.FindDomainAsync("acme", "acme.test", Cancellation));
    }

    [Fact]
    public async Task A_domain_keeps_its_keys_and_what_was_found_of_it()
    {
        var domain = Domain("acme", "acme.test") with
        {
            Keys = [new DkimKey { Selector = "s1", Algorithm = DkimAlgorithm.Ed25519, PrivateKey = [1, 2], PublicKey = [3], CreatedAt = Now, SeenAt = Now }],
            Findings = [new RecordFinding("dkim", "s1._domainkey.acme.test", RecordState.Wrong, "two of them")],
            FailingSince = Now,
        };
        Assert.True(await Store.TryAddDomainAsync(domain, Cancellation));
        Assert.False(await Store.TryAddDomainAsync(domain with { Id = "d2" }, Cancellation));

        Assert.Equivalent(domain, await Store.FindDomainAsync("acme", "acme.test", Cancellation), strict: true);
    }

    [Fact]
    public async Task Two_who_change_a_domain_at_once_both_have_changed_it()
    {
        await Store.TryAddDomainAsync(Domain("acme", "acme.test"), Cancellation);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Store.ChangeDomainAsync(
            "acme",
            "acme.test",
            domain => domain with { Findings = [.. domain.Findings, new RecordFinding("dkim", $"{i}", RecordState.Missing, "")] },
            Cancellation).AsTask()));

        var found = await Store.FindDomainAsync("acme", "acme.test", Cancellation);
        Assert.Equal(Enumerable.Range(0, 8).Select(i => $"{i}"), found!.Findings.Select(finding => finding.Name).Order(StringComparer.Ordinal));
        Assert.Null(await Store.ChangeDomainAsync("acme", "none.test", domain => domain, Cancellation));
    }

    private static Credential Credential(string account, string id) => new()
    {
        Id = id,
        Account = account,
        Name = "Shop",
        KeyHash = SHA256.HashData([1, 2, 3]),
        CreatedAt = Now,
    };

    private static SendingDomain Domain(string account, string name) => new("d1", account, name, "token", SendingDomainStatus.Pending, Now, null);
}

public sealed class InMemoryAccountStoreTests : AccountStoreContract
{
    protected override ValueTask<IAccountStore> OpenAsync() => new(new InMemoryAccountStore());
}

public sealed class RedisAccountStoreTests : AccountStoreContract
{
    protected override ValueTask<IAccountStore> OpenAsync() => OpenOnRedisAsync();
}

public sealed class EmbeddedAccountStoreTests : AccountStoreContract
{
    protected override ValueTask<IAccountStore> OpenAsync() => OpenEmbeddedAsync();
}
