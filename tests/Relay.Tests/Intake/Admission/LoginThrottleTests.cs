using System.Net;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Intake.Admission;

namespace Relay.Tests.Intake.Admission;

/// <summary>Who guesses is held down; who has a right key never is.</summary>
public sealed class LoginThrottleTests
{
    private static readonly IPAddress Attacker = IPAddress.Parse("203.0.113.5");
    private static readonly IPAddress Elsewhere = IPAddress.Parse("198.51.100.7");

    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_right_key_gets_in_from_anywhere_whoever_guesses_from_there()
    {
        using var gate = await new GateUnderTest().WithKeyAsync();
        for (var i = 0; i < 1_000; i++)
        {
            await gate.Logins.AuthenticateAsync($"wrong {i}", Attacker, gate.Credential.Id, Cancellation);
        }

        Assert.IsType<AuthenticationResult.Throttled>(await gate.Logins.AuthenticateAsync("wrong", Attacker, null, Cancellation));
        Assert.IsType<AuthenticationResult.Authenticated>(await gate.Logins.AuthenticateAsync(gate.Key, Attacker, null, Cancellation));
        Assert.IsType<AuthenticationResult.Authenticated>(await gate.Logins.AuthenticateAsync(gate.Key, Elsewhere, gate.Credential.Id, Cancellation));
    }

    [Fact]
    public async Task Too_many_failures_from_one_address_are_told_so_and_another_address_is_not()
    {
        using var gate = new GateUnderTest(settings: ("Logins:FailuresPerAddress", "3"));
        for (var i = 0; i < 3; i++)
        {
            Assert.IsType<AuthenticationResult.Rejected>(await gate.Logins.AuthenticateAsync($"wrong {i}", Attacker, null, Cancellation));
        }

        var throttled = Assert.IsType<AuthenticationResult.Throttled>(await gate.Logins.AuthenticateAsync("wrong", Attacker, null, Cancellation));
        Assert.Equal(TimeSpan.FromMinutes(10) / 3, throttled.RetryAfter);
        Assert.IsType<AuthenticationResult.Rejected>(await gate.Logins.AuthenticateAsync("wrong", Elsewhere, null, Cancellation));

        // However long it went on: who stops is forgiven step by step.
        gate.Time.Advance(throttled.RetryAfter);
        Assert.IsType<AuthenticationResult.Rejected>(await gate.Logins.AuthenticateAsync("wrong", Attacker, null, Cancellation));
        Assert.IsType<AuthenticationResult.Throttled>(await gate.Logins.AuthenticateAsync("wrong", Attacker, null, Cancellation));
    }

    [Fact]
    public async Task A_revoked_key_that_is_tried_from_many_addresses_is_held_down_as_one()
    {
        using var gate = await new GateUnderTest(settings: ("Logins:FailuresPerKey", "5")).WithKeyAsync();
        await gate.Accounts.PutCredentialAsync(gate.Credential with { RevokedAt = gate.Time.GetUtcNow() }, Cancellation);
        for (var i = 0; i < 5; i++)
        {
            Assert.IsType<AuthenticationResult.Rejected>(await gate.Logins.AuthenticateAsync(gate.Key, new IPAddress([10, 0, 0, (byte)i]), null, Cancellation));
        }

        Assert.IsType<AuthenticationResult.Throttled>(await gate.Logins.AuthenticateAsync(gate.Key, new IPAddress([10, 0, 1, 0]), null, Cancellation));
        Assert.IsType<AuthenticationResult.Rejected>(await gate.Logins.AuthenticateAsync("another", new IPAddress([10, 0, 1, 1]), null, Cancellation));
    }

    [Fact]
    public void A_user_name_that_is_a_keys_id_counts_for_that_key_and_any_other_for_none()
    {
        var throttle = Throttle(new LoginOptions { FailuresPerKey = 2 });

        Assert.Null(throttle.Fail(new IPAddress([10, 0, 0, 1]), "key_1"));
        Assert.Null(throttle.Fail(new IPAddress([10, 0, 0, 2]), "key_1"));
        Assert.NotNull(throttle.Fail(new IPAddress([10, 0, 0, 3]), "key_1"));
        Assert.Null(throttle.Fail(new IPAddress([10, 0, 0, 3]), null));
    }

    [Theory]
    [InlineData("2001:db8::1", "2001:db8::ffff:1", true)]
    [InlineData("2001:db8:0:1::1", "2001:db8:0:2::1", false)]
    [InlineData("192.0.2.1", "::ffff:192.0.2.1", true)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    public void A_network_of_64_bits_is_one_client(string one, string other, bool isSame)
    {
        var throttle = Throttle(new LoginOptions { FailuresPerAddress = 1 });

        throttle.Fail(IPAddress.Parse(one), null);

        Assert.Equal(isSame, throttle.Fail(IPAddress.Parse(other), null) is not null);
    }

    [Fact]
    public void An_attack_from_ever_new_addresses_meets_the_bound_of_all()
    {
        var throttle = Throttle(new LoginOptions { FailuresInAll = 100 });

        var answers = Enumerable.Range(0, 200).Select(i => throttle.Fail(new IPAddress([10, 0, (byte)(i / 256), (byte)i]), null)).ToList();

        Assert.All(answers[..100], Assert.Null);
        Assert.All(answers[100..], answer => Assert.NotNull(answer));
    }

    [Fact]
    public void A_flood_of_addresses_takes_no_more_memory_than_it_may()
    {
        var count = new LeakyCount<int>(3, TimeSpan.FromMinutes(1), capacity: 100);
        for (var i = 0; i < 10_000; i++)
        {
            count.Add(i, 0, _time);
            Assert.True(count.Count <= 100);
        }

        // Who goes on is not forgotten among those who came once.
        for (var i = 0; i < 1_000; i++)
        {
            count.Add(20_000 + i, 0, _time);
            Assert.Equal(i >= 3, count.Add(-1, 0, _time) is not null);
        }
    }

    [Fact]
    public async Task A_wrong_key_costs_one_look_up_and_the_same_again_none()
    {
        using var gate = await new GateUnderTest().WithKeyAsync();
        for (var i = 0; i < 100; i++)
        {
            await gate.Logins.AuthenticateAsync("wrong", Attacker, null, Cancellation);
        }

        Assert.Equal(1, gate.Accounts.CredentialLookups);
    }

    [Fact]
    public async Task A_key_from_a_network_that_is_not_its_own_is_told_so_and_is_no_failure()
    {
        using var gate = new GateUnderTest(settings: ("Logins:FailuresPerAddress", "1"));
        gate.Credential = gate.Credential with { AddressRanges = ["198.51.100.0/24"] };
        await gate.WithKeyAsync();

        for (var i = 0; i < 3; i++)
        {
            var misplaced = Assert.IsType<AuthenticationResult.Misplaced>(await gate.Logins.AuthenticateAsync(gate.Key, Attacker, null, Cancellation));
            Assert.Equal("this key may not be used from 203.0.113.5", misplaced.Text);
        }

        Assert.IsType<AuthenticationResult.Authenticated>(await gate.Logins.AuthenticateAsync(gate.Key, Elsewhere, null, Cancellation));
    }

    [Fact]
    public async Task A_key_is_wrong_from_the_moment_it_ends()
    {
        using var gate = new GateUnderTest();
        gate.Credential = gate.Credential with { ExpiresAt = gate.Time.GetUtcNow().AddSeconds(5) };
        await gate.WithKeyAsync();
        Assert.IsType<AuthenticationResult.Authenticated>(await gate.Logins.AuthenticateAsync(gate.Key, Elsewhere, null, Cancellation));

        gate.Time.Advance(TimeSpan.FromSeconds(5));

        Assert.IsType<AuthenticationResult.Rejected>(await gate.Logins.AuthenticateAsync(gate.Key, Elsewhere, null, Cancellation));
        Assert.Equal(RefusalReason.KeyIsOver, (await gate.Gate.CheckSenderAsync(gate.Credential, null, Cancellation))?.Reason);
    }

    [Fact]
    public async Task A_key_revoked_while_its_message_comes_in_does_not_bring_it_through()
    {
        using var gate = await (await new GateUnderTest().WithKeyAsync()).WithDomainAsync();
        Assert.Null(await gate.Gate.CheckSenderAsync(gate.Credential, null, Cancellation));

        await gate.Accounts.PutCredentialAsync(gate.Credential with { RevokedAt = gate.Time.GetUtcNow() }, Cancellation);

        Assert.Equal(RefusalReason.KeyIsOver, (await gate.RefusedAsync("From: a@shop.test\r\n\r\n")).Reason);
    }

    [Fact]
    public async Task When_a_key_was_last_used_is_written_once_a_minute_however_often_it_is()
    {
        using var gate = await new GateUnderTest().WithKeyAsync();
        var uses = gate.Part<KeyUses>();
        await uses.StartAsync(Cancellation);
        gate.Time.Advance(TimeSpan.FromSeconds(30));
        for (var i = 0; i < 100; i++)
        {
            await gate.Logins.AuthenticateAsync(gate.Key, Elsewhere, null, Cancellation);
        }

        Assert.Empty(await gate.Accounts.ListUsesAsync("shop", Cancellation));
        await uses.StopAsync(Cancellation);

        var used = Assert.Single(await gate.Accounts.ListUsesAsync("shop", Cancellation));
        Assert.Equal((gate.Credential.Id, new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero)), (used.Key, used.Value));
    }

    private LoginThrottle Throttle(LoginOptions options) => new(Options.Create(options), _time);
}
