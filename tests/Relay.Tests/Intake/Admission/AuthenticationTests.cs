using System.Net;
using Relay.Intake.Admission;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Tests.Intake.Admission;

public sealed class AuthenticationTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(MessageMode.Live, "rk_live_")]
    [InlineData(MessageMode.Test, "rk_test_")]
    public void A_key_says_what_it_is_and_holds_192_random_bits(MessageMode mode, string prefix)
    {
        var keys = Enumerable.Range(0, 100).Select(_ => ApiKey.Create(mode)).ToList();

        Assert.All(keys, key => Assert.Matches($"^{prefix}[A-Za-z0-9_-]{{32}}$", key));
        Assert.Equal(100, keys.Distinct().Count());
    }

    [Fact]
    public async Task A_key_is_found_by_its_hash_and_then_remembered()
    {
        using var gate = await new GateUnderTest().WithKeyAsync();

        var first = await gate.Logins.AuthenticateAsync(gate.Key, IPAddress.Loopback, null, Cancellation);
        var second = await gate.Logins.AuthenticateAsync(gate.Key, IPAddress.Loopback, null, Cancellation);

        Assert.Equal("key_1", Assert.IsType<AuthenticationResult.Authenticated>(first).Credential.Id);
        Assert.IsType<AuthenticationResult.Authenticated>(second);
        Assert.Equal(1, gate.Accounts.CredentialLookups);
    }

    [Theory]
    [InlineData("rk_live_0123456789012345678901234567890A")]
    [InlineData("wrong")]
    [InlineData("")]
    [InlineData("\0\ud83d")]
    public async Task A_wrong_key_is_rejected_and_remembered_as_wrong(string key)
    {
        using var gate = await new GateUnderTest().WithKeyAsync();

        Assert.IsType<AuthenticationResult.Rejected>(await gate.Logins.AuthenticateAsync(key, IPAddress.Loopback, null, Cancellation));
        Assert.IsType<AuthenticationResult.Rejected>(await gate.Logins.AuthenticateAsync(key, IPAddress.Loopback, null, Cancellation));
        Assert.Equal(1, gate.Accounts.CredentialLookups);
    }

    [Fact]
    public async Task A_flood_of_wrong_keys_does_not_drive_the_right_one_out()
    {
        using var gate = await new GateUnderTest().WithKeyAsync();
        await gate.Logins.AuthenticateAsync(gate.Key, IPAddress.Loopback, null, Cancellation);
        for (var i = 0; i < 25_000; i++)
        {
            await gate.Logins.AuthenticateAsync($"wrong {i}", IPAddress.Loopback, null, Cancellation);
        }

        var before = gate.Accounts.CredentialLookups;
        Assert.IsType<AuthenticationResult.Authenticated>(await gate.Logins.AuthenticateAsync(gate.Key, IPAddress.Loopback, null, Cancellation));
        Assert.Equal(before, gate.Accounts.CredentialLookups);
    }

    [Fact]
    public async Task A_key_revoked_here_is_rejected_at_once()
    {
        using var gate = await new GateUnderTest().WithKeyAsync();
        await gate.Logins.AuthenticateAsync(gate.Key, IPAddress.Loopback, null, Cancellation);

        await gate.Accounts.PutCredentialAsync(gate.Credential with { RevokedAt = gate.Time.GetUtcNow() }, Cancellation);
        gate.Part<Credentials>().Forget(gate.Credential);

        Assert.IsType<AuthenticationResult.Rejected>(await gate.Logins.AuthenticateAsync(gate.Key, IPAddress.Loopback, null, Cancellation));
    }

    [Fact]
    public async Task A_key_revoked_on_another_node_is_rejected_soon_though_nobody_tells()
    {
        using var gate = await new GateUnderTest().WithKeyAsync();
        gate.Accounts.IsUnheard = true;
        await gate.Logins.AuthenticateAsync(gate.Key, IPAddress.Loopback, null, Cancellation);
        await gate.Accounts.PutCredentialAsync(gate.Credential with { RevokedAt = gate.Time.GetUtcNow() }, Cancellation);

        gate.Time.Advance(TimeSpan.FromSeconds(10));

        Assert.IsType<AuthenticationResult.Rejected>(await gate.Logins.AuthenticateAsync(gate.Key, IPAddress.Loopback, null, Cancellation));
    }

    [Fact]
    public void An_answer_older_than_a_change_is_not_remembered()
    {
        var cache = new ShortCache<string, int>(TimeProvider.System, TimeSpan.FromMinutes(1), capacity: 10);

        var version = cache.Version;
        cache.Forget("key");
        cache.Remember("key", 1, version);

        Assert.False(cache.TryGet("key", out _));
    }

    [Fact]
    public void A_cache_holds_no_more_than_it_may()
    {
        var cache = new ShortCache<int, int>(TimeProvider.System, TimeSpan.FromMinutes(1), capacity: 10);
        for (var i = 0; i < 1_000; i++)
        {
            cache.Remember(i, i, cache.Version);
        }

        Assert.True(Enumerable.Range(0, 1_000).Count(i => cache.TryGet(i, out _)) <= 10);
    }

    [Fact]
    public void What_is_heavy_takes_the_room_of_many()
    {
        var cache = new ShortCache<int, int>(TimeProvider.System, TimeSpan.FromMinutes(1), capacity: 10);
        for (var i = 0; i < 100; i++)
        {
            cache.Remember(i, i, cache.Version, weight: 4);
            Assert.True(cache.TryGet(i, out _));
        }

        Assert.InRange(Enumerable.Range(0, 100).Count(i => cache.TryGet(i, out _)), 1, 2);
    }

    [Fact]
    public async Task The_admin_key_needs_no_store_and_has_every_right()
    {
        using var gate = new GateUnderTest(bootstrap => bootstrap.AdminKey = "chosen by hand");
        gate.Accounts.Refusal = new StoreUnavailableException("away");

        var admin = Assert.IsType<AuthenticationResult.Authenticated>(await gate.Logins.AuthenticateAsync("chosen by hand", IPAddress.Loopback, null, Cancellation)).Credential;

        Assert.True(admin.IsAdmin);
        Assert.Equal(Account.Default, admin.Account);
        Assert.Equal([CredentialScope.Send, CredentialScope.Read, CredentialScope.Manage], admin.Scopes);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public async Task No_admin_key_means_that_no_text_is_one(string? adminKey)
    {
        using var gate = new GateUnderTest(bootstrap => bootstrap.AdminKey = adminKey);

        Assert.IsType<AuthenticationResult.Rejected>(await gate.Logins.AuthenticateAsync("", IPAddress.Loopback, null, Cancellation));
    }

    [Fact]
    public async Task A_store_that_is_away_is_no_reason_to_call_a_key_wrong()
    {
        using var gate = await new GateUnderTest().WithKeyAsync();
        gate.Accounts.Refusal = new StoreUnavailableException("away");

        Assert.IsType<AuthenticationResult.Unavailable>(await gate.Logins.AuthenticateAsync(gate.Key, IPAddress.Loopback, null, Cancellation));

        gate.Accounts.Refusal = null;
        Assert.IsType<AuthenticationResult.Authenticated>(await gate.Logins.AuthenticateAsync(gate.Key, IPAddress.Loopback, null, Cancellation));
    }
}
