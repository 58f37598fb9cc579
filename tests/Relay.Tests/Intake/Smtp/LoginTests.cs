using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Accounts;
using Relay.Mail.Queue;

namespace Relay.Tests.Intake.Smtp;

public sealed class LoginTests
{
    private static readonly string Right = DoorUnderTest.Plain(DoorUnderTest.Key);
    private static readonly string Wrong = DoorUnderTest.Plain("rk_live_wrong");

    [Fact]
    public async Task PLAIN_works_with_an_initial_response_and_without()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var one = await door.GreetAsync();
        await using var other = await door.GreetAsync();

        await one.Says($"AUTH PLAIN {Right}", expect: "235 2.7.0 ");
        await other.Says("auth plain", expect: "334 ");
        await other.Says(Right, expect: "235 2.7.0 ");
    }

    [Fact]
    public async Task LOGIN_works_with_an_initial_response_and_without()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var one = await door.GreetAsync();
        await using var other = await door.GreetAsync();

        await one.Says($"AUTH LOGIN {DoorUnderTest.Base64("anybody")}", expect: "334 UGFzc3dvcmQ6");
        await one.Says(DoorUnderTest.Base64(DoorUnderTest.Key), expect: "235 2.7.0 ");
        await other.Says("AUTH LOGIN", expect: "334 VXNlcm5hbWU6");
        await other.Says("", expect: "334 UGFzc3dvcmQ6");
        await other.Says(DoorUnderTest.Base64(DoorUnderTest.Key), expect: "235 2.7.0 ");
    }

    [Theory]
    [InlineData("", "\n")]
    [InlineData("", "\r\n")]
    [InlineData(" ", "\t ")]
    public async Task A_key_is_taken_as_it_was_pasted(string before, string behind)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var one = await door.GreetAsync();
        await using var other = await door.GreetAsync();

        await one.Says($"AUTH PLAIN {DoorUnderTest.Plain($"{before}{DoorUnderTest.Key}{behind}")}", expect: "235 2.7.0 ");
        await other.Says($"AUTH LOGIN {DoorUnderTest.Base64("anybody")}", expect: "334 ");
        await other.Says(DoorUnderTest.Base64($"{before}{DoorUnderTest.Key}{behind}"), expect: "235 2.7.0 ");
    }

    [Theory]
    [InlineData("AUTH PLAIN !!!", "501 5.5.2 ")]
    [InlineData("AUTH PLAIN abc", "501 5.5.2 ")]
    [InlineData("AUTH PLAIN =", "501 5.5.2 ")]
    [InlineData("AUTH PLAIN YWJj", "501 5.5.2 ")]
    [InlineData("AUTH PLAIN YWJj ZGVm", "501 5.5.4 ")]
    [InlineData("AUTH LOGIN !!!", "501 5.5.2 ")]
    [InlineData("AUTH CRAM-MD5", "504 5.5.4 ")]
    [InlineData("AUTH", "501 5.5.4 ")]
    public async Task A_malformed_exchange_is_refused_and_the_dialogue_goes_on(string command, string reply)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync();

        await client.Says(command, expect: reply);
        await client.Says($"AUTH PLAIN {Right}", expect: "235 2.7.0 ");
    }

    [Theory]
    [InlineData("AUTH PLAIN", "334 ")]
    [InlineData("AUTH LOGIN", "334 ")]
    [InlineData("AUTH LOGIN dXNlcg==", "334 ")]
    public async Task A_star_cancels_the_exchange(string command, string prompt)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync();

        await client.Says(command, expect: prompt);
        await client.Says("*", expect: "501 5.7.0 ");
        await client.Says("MAIL FROM:<a@sender.test>", expect: "530 5.7.0 ");
        await client.Says($"AUTH PLAIN {Right}", expect: "235 2.7.0 ");
    }

    [Fact]
    public async Task A_response_that_is_too_long_or_spoiled_is_skipped()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync();

        await client.Says("AUTH PLAIN", expect: "334 ");
        await client.Says(new string('A', 20_000), expect: "500 5.5.6 ");
        await client.Says("AUTH PLAIN", expect: "334 ");
        await client.Says("AA\nAA", expect: "501 5.5.2 ");
        await client.Says($"AUTH PLAIN {Right}", expect: "235 2.7.0 ");
    }

    [Fact]
    public async Task Every_wrong_key_gets_the_same_answer()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxFailedLogins = 10);
        var revoked = await door.AddKeyAsync(DoorUnderTest.OtherKey);
        await door.Accounts.PutCredentialAsync(revoked with { RevokedAt = DateTimeOffset.UnixEpoch }, TestContext.Current.CancellationToken);
        await using var client = await door.GreetAsync();

        var unknown = await client.Says($"AUTH PLAIN {Wrong}", expect: "535 5.7.8 ");
        Assert.Equal(unknown, await client.Says($"AUTH PLAIN {DoorUnderTest.Plain(DoorUnderTest.OtherKey)}", expect: "535 5.7.8 "));
        Assert.Equal(unknown, await client.Says($"AUTH PLAIN {DoorUnderTest.Plain("")}", expect: "535 5.7.8 "));
        Assert.Equal(unknown, await client.Says($"AUTH PLAIN {DoorUnderTest.Plain("\u20ac\ud83d\ude00")}", expect: "535 5.7.8 "));
        await client.Says("MAIL FROM:<a@sender.test>", expect: "530 5.7.0 ");
    }

    [Fact]
    public async Task A_failed_login_is_answered_late()
    {
        var time = new FakeTimeProvider();
        await using var door = await DoorUnderTest.StartAsync(options => options.FailedLoginDelay = TimeSpan.FromSeconds(2), time);
        await using var client = await door.GreetAsync();

        await client.SendsRaw($"AUTH PLAIN {Wrong}\r\n");
        await door.Log.WaitForAsync("Login from", TestContext.Current.CancellationToken);
        Assert.False(client.HasMoreToRead);

        var answer = client.Expects("535 5.7.8 ");
        while (!answer.IsCompleted)
        {
            // The delay may begin only now; it never takes more than it says.
            time.Advance(TimeSpan.FromSeconds(2));
            await Task.WhenAny(answer, Task.Delay(5, TestContext.Current.CancellationToken));
        }

        await answer;
    }

    [Theory]
    [InlineData("unknown")]
    [InlineData("revoked")]
    [InlineData("expired")]
    [InlineData("empty")]
    [InlineData("no key at all")]
    public async Task Whatever_is_wrong_with_a_key_is_told_in_the_same_words_and_just_as_late(string fault)
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddDays(20_000));
        await using var door = await DoorUnderTest.StartAsync(options => options.FailedLoginDelay = TimeSpan.FromSeconds(2), time);
        var known = await door.AddKeyAsync(DoorUnderTest.OtherKey);
        await door.Accounts.PutCredentialAsync(
            fault == "revoked" ? known with { RevokedAt = time.GetUtcNow().AddDays(-1) } : known with { ExpiresAt = time.GetUtcNow().AddDays(-1) }, TestContext.Current.CancellationToken);
        await using var client = await door.GreetAsync();

        var key = fault switch { "unknown" => "rk_live_wrong", "empty" => "", "no key at all" => "\u20ac\ud83d\ude00", _ => DoorUnderTest.OtherKey };
        await client.SendsRaw($"AUTH PLAIN {DoorUnderTest.Plain(key)}\r\n");
        await door.Log.WaitForAsync("Login from", TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromSeconds(2) - TimeSpan.FromTicks(1));
        Assert.False(client.HasMoreToRead);

        var answer = client.Expects("535 5.7.8 ");
        while (!answer.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(2));
            await Task.WhenAny(answer, Task.Delay(5, TestContext.Current.CancellationToken));
        }

        Assert.Equal("535 5.7.8 Authentication credentials invalid", await answer);
    }

    [Fact]
    public async Task Too_many_wrong_keys_close_the_connection()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync();

        await client.Says($"AUTH PLAIN {DoorUnderTest.Plain("one")}", expect: "535 5.7.8 ");
        await client.Says($"AUTH PLAIN {DoorUnderTest.Plain("two")}", expect: "535 5.7.8 ");
        await client.Says($"AUTH PLAIN {DoorUnderTest.Plain("three")}", expect: "535 5.7.8 ");
        await client.Expects("421 4.7.0 ");
        await client.ExpectsEnd();

        // Whoever has the right key is not kept out by those who have not.
        await using var other = await door.GreetAsync();
        await other.Says($"AUTH PLAIN {Right}", expect: "235 ");
    }

    [Fact]
    public async Task The_same_wrong_key_with_the_next_mechanism_counts_once()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxFailedLogins = 2);
        await using var client = await door.GreetAsync();

        await client.Says($"AUTH PLAIN {Wrong}", expect: "535 5.7.8 ");
        await client.Says($"AUTH LOGIN {DoorUnderTest.Base64("relay")}", expect: "334 ");
        await client.Says(DoorUnderTest.Base64("rk_live_wrong"), expect: "535 5.7.8 ");
        await client.Says($"AUTH PLAIN {Right}", expect: "235 2.7.0 ");
    }

    [Fact]
    public async Task A_store_of_keys_that_is_away_is_no_wrong_key()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync();

        door.Accounts.Refusal = new StoreUnavailableException("away");
        await client.Says($"AUTH PLAIN {Right}", expect: "454 4.7.0 ");
        door.Accounts.Refusal = null;
        await client.Says($"AUTH PLAIN {Right}", expect: "235 2.7.0 ");
    }

    [Theory]
    [InlineData("relay")]
    [InlineData("apikey")]
    [InlineData("")]
    [InlineData("key_0000000000000000")]
    [InlineData("shop@example.com")]
    public async Task Any_user_name_will_do(string userName)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync();

        await client.Says($"AUTH PLAIN {DoorUnderTest.Plain(DoorUnderTest.Key, userName)}", expect: "235 2.7.0 ");
    }

    [Fact]
    public async Task Who_guesses_on_and_on_is_told_421_and_the_right_key_gets_in_from_the_same_address()
    {
        await using var door = await DoorUnderTest.StartAsync();
        for (var i = 0; i < 10; i++)
        {
            await using var guesser = await door.GreetAsync();
            for (var guess = 0; guess < 3; guess++)
            {
                await guesser.Says($"AUTH PLAIN {DoorUnderTest.Plain($"guess {i} {guess}")}", expect: "535 5.7.8 ");
            }
        }

        await using var held = await door.GreetAsync();
        await held.Says($"AUTH PLAIN {DoorUnderTest.Plain("one more")}", expect: "421 4.7.0 ");
        await held.ExpectsEnd();
        await using var owner = await door.GreetAsync();
        await owner.Says($"AUTH PLAIN {Right}", expect: "235 2.7.0 ");
    }

    [Fact]
    public async Task A_key_for_another_network_is_refused_in_words()
    {
        await using var door = await DoorUnderTest.StartAsync();
        var credential = await door.AddKeyAsync(DoorUnderTest.OtherKey);
        await door.Accounts.PutCredentialAsync(credential with { AddressRanges = ["192.0.2.0/24"] }, TestContext.Current.CancellationToken);
        await using var client = await door.GreetAsync();

        await client.Says($"AUTH PLAIN {DoorUnderTest.Plain(DoorUnderTest.OtherKey)}", expect: "535 5.7.1 this key may not be used from 127.0.0.1");
        await client.Says("MAIL FROM:<a@sender.test>", expect: "530 5.7.0 ");
    }

    [Fact]
    public async Task A_session_ends_with_its_key()
    {
        await using var door = await DoorUnderTest.StartAsync();
        var credential = await door.AddKeyAsync(DoorUnderTest.OtherKey);
        await using var client = await door.GreetAsync();
        await client.Says($"AUTH PLAIN {DoorUnderTest.Plain(DoorUnderTest.OtherKey)}", expect: "235 ");
        await client.Says("MAIL FROM:<a@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<b@there.test>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");

        await door.Accounts.PutCredentialAsync(credential with { RevokedAt = DateTimeOffset.UnixEpoch }, TestContext.Current.CancellationToken);

        // No mail is at fault: a server that sends for others keeps it, and does not give it back.
        await client.Says("From: a@sender.test\r\n\r\nx\r\n.", expect: "421 4.7.0 this key was revoked");
        await client.ExpectsEnd();
        Assert.Empty(door.Queue.Accepted);
    }

    [Fact]
    public async Task A_session_whose_key_ended_between_two_mails_ends_with_the_next()
    {
        await using var door = await DoorUnderTest.StartAsync();
        var credential = await door.AddKeyAsync(DoorUnderTest.OtherKey);
        await using var client = await door.GreetAsync();
        await client.Says($"AUTH PLAIN {DoorUnderTest.Plain(DoorUnderTest.OtherKey)}", expect: "235 ");

        await door.Accounts.PutCredentialAsync(credential with { ExpiresAt = DateTimeOffset.UnixEpoch }, TestContext.Current.CancellationToken);

        await client.Says("MAIL FROM:<a@sender.test>", expect: "421 4.7.0 this key was revoked or has expired");
        await client.ExpectsEnd();
    }

    [Fact]
    public async Task A_quota_that_is_spent_is_a_temporary_no_behind_the_content_which_may_repeat_what_was_accepted()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await door.Accounts.TryAddAccountAsync(
            new Account(Account.Default, "first", DateTimeOffset.UnixEpoch) { Limits = new SendingLimits { PerDay = 2 } }, TestContext.Current.CancellationToken);
        await using var client = await door.LogInAsync();
        var key = "";
        await SendAsync("250 2.0.0 ", "a@there.test");

        await SendAsync("450 4.7.1 the account has sent to 1 of the 2 recipients it may a day", "a@there.test", "b@there.test");
        key = "Idempotency-Key: seven\r\n";
        await SendAsync("250 2.0.0 ", "a@there.test");
        var accepted = door.Queue.Accepted;
        await SendAsync($"250 2.0.0 Ok: queued as {accepted[^1].Id}", "a@there.test");
        key = "";
        await SendAsync("450 4.7.1 ", "a@there.test");
        Assert.Equal(accepted.Count, door.Queue.Accepted.Count);

        async Task SendAsync(string expect, params string[] recipients)
        {
            await client.Says("MAIL FROM:<a@sender.test>", expect: "250 ");
            foreach (var recipient in recipients)
            {
                await client.Says($"RCPT TO:<{recipient}>", expect: "250 ");
            }

            await client.Says("DATA", expect: "354 ");
            await client.Says($"From: a@sender.test\r\n{key}\r\nx\r\n.", expect: expect);
        }
    }

    [Fact]
    public async Task A_failed_login_opens_the_way_for_nothing_that_is_said_behind_it()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync();
        await client.Says($"AUTH PLAIN {Wrong}", expect: "535 5.7.8 ");

        foreach (var between in new[] { "NOOP", "RSET", "EHLO again.test", "HELO again.test" })
        {
            await client.Says(between, expect: "250 ");
            await client.Says("MAIL FROM:<a@sender.test>", expect: "530 5.7.0 ");
            await client.Says("RCPT TO:<ann@example.test>", expect: "530 5.7.0 ");
            await client.Says("DATA", expect: "530 5.7.0 ");
        }

        Assert.Empty(door.Queue.Accepted);
    }

    [Fact]
    public async Task A_peer_whose_IPv4_address_comes_in_IPv6_owes_a_login_and_is_known_by_its_network()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "this machine has no IPv6");
        await using var door = await DoorUnderTest.StartAsync(options => options.Listeners[2].Address = "::");
        var credential = await door.AddKeyAsync(DoorUnderTest.OtherKey);
        await door.Accounts.PutCredentialAsync(credential with { AddressRanges = ["127.0.0.0/8"] }, TestContext.Current.CancellationToken);
        await using var client = await door.GreetAsync();

        await client.Says("MAIL FROM:<a@sender.test>", expect: "530 5.7.0 ");
        await client.Says($"AUTH PLAIN {DoorUnderTest.Plain(DoorUnderTest.OtherKey)}", expect: "235 ");
    }

    [Fact]
    public async Task No_key_is_in_any_log()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using (var client = await door.GreetAsync())
        {
            await client.Says($"AUTH PLAIN {Wrong}", expect: "535 ");
            await client.Says($"AUTH PLAIN {Right}", expect: "235 ");
            await client.Says("QUIT", expect: "221 ");
        }

        await door.Log.WaitForAsync("is over", TestContext.Current.CancellationToken);
        Assert.All(door.Log.Lines, line =>
        {
            Assert.DoesNotContain(DoorUnderTest.Key, line.Text, StringComparison.Ordinal);
            Assert.DoesNotContain(Right, line.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("rk_live_wrong", line.Text, StringComparison.Ordinal);
        });
    }
}
