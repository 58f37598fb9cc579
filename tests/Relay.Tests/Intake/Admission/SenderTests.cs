using Relay.Intake.Admission;
using Relay.Intake.Domains;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Smtp.Addresses;

namespace Relay.Tests.Intake.Admission;

public sealed class SenderTests
{
    [Theory]
    [InlineData("user@shop.test", true)]
    [InlineData("user@news.shop.test", true)]
    [InlineData("user@SHOP.test", true)]
    [InlineData("user@other.test", false)]
    [InlineData("user@myshop.test", false)]
    [InlineData("user@test", false)]
    [InlineData("user@[192.0.2.1]", false)]
    public async Task A_reverse_path_must_be_of_a_verified_domain_or_below_one(string sender, bool isTaken)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var refusal = await gate.Gate.CheckSenderAsync(gate.Credential, EnvelopeAddress.Parse(sender), GateUnderTest.Cancellation);

        Assert.Equal(isTaken, refusal is null);
    }

    [Theory]
    [InlineData("user@shop.test", true)]
    [InlineData("another.user@shop.test", true)]
    [InlineData("user@news.shop.test", false)]
    [InlineData("user@exact.news.shop.test", true)]
    public async Task An_exact_domain_covers_itself_alone_and_another_one_below_it_itself(string sender, bool isTaken)
    {
        using var gate = await (await new GateUnderTest().WithDomainAsync()).WithDomainAsync("exact.news.shop.test");
        await gate.Accounts.ChangeDomainAsync("shop", "shop.test", domain => domain with { IsExact = true }, GateUnderTest.Cancellation);

        var refusal = await gate.Gate.CheckSenderAsync(gate.Credential, EnvelopeAddress.Parse(sender), GateUnderTest.Cancellation);

        Assert.Equal(isTaken, refusal is null);
    }

    [Fact]
    public async Task A_key_for_a_domain_names_no_other_in_any_place_where_a_sender_is_named()
    {
        using var gate = await (await new GateUnderTest().WithDomainAsync()).WithDomainAsync("other.test");
        gate.Credential = gate.Credential with { Domains = ["shop.test"] };

        Assert.Null(await gate.Gate.CheckSenderAsync(gate.Credential, EnvelopeAddress.Parse("a@shop.test"), GateUnderTest.Cancellation));
        await gate.AdmittedAsync("From: a@shop.test\r\nSender: b@shop.test\r\n\r\n");
        Assert.Equal(RefusalReason.NotAllowed, (await gate.Gate.CheckSenderAsync(gate.Credential, EnvelopeAddress.Parse("a@other.test"), GateUnderTest.Cancellation))?.Reason);
        Assert.Equal(RefusalReason.NotAllowed, (await gate.RefusedAsync("From: a@other.test\r\n\r\n")).Reason);
        Assert.Equal(RefusalReason.NotAllowed, (await gate.RefusedAsync("From: a@shop.test, b@other.test\r\nSender: a@shop.test\r\n\r\n")).Reason);
        Assert.Equal(RefusalReason.NotAllowed, (await gate.RefusedAsync("From: a@shop.test\r\nSender: b@other.test\r\n\r\n")).Reason);
    }

    [Fact]
    public async Task An_idempotency_key_of_another_account_is_another_one()
    {
        using var gate = await (await new GateUnderTest().WithDomainAsync()).WithDomainAsync("other.test", "stranger");
        await gate.AdmittedAsync("From: a@shop.test\r\nIdempotency-Key: order-1\r\n\r\n");

        gate.Credential = gate.Credential with { Id = "key_2", Account = "stranger", KeyHash = ApiKey.Hash("a stranger's") };
        var second = await gate.AdmittedAsync(
            "From: a@other.test\r\nIdempotency-Key: order-1\r\n\r\n",
            submission => submission with { Envelope = submission.Envelope with { Sender = EnvelopeAddress.Parse("a@other.test") } });

        Assert.Equal("stranger", second.Account);
    }

    [Fact]
    public async Task A_shared_login_sends_as_any_user_of_the_domain()
    {
        using var gate = await (await new GateUnderTest().WithKeyAsync()).WithDomainAsync();

        foreach (var user in new[] { "ada", "bob", "sales+eu", "\"odd user\"" })
        {
            await gate.AdmittedAsync(
                $"From: Somebody <{user}@shop.test>\r\n\r\n",
                submission => submission with { Envelope = submission.Envelope with { Sender = EnvelopeAddress.Parse($"{user}@shop.test") } });
        }
    }

    [Fact]
    public async Task A_refusal_says_which_domain_and_what_to_do()
    {
        using var here = new GateUnderTest();
        using var there = new GateUnderTest(publicUrl: "https://relay.example/");
        var sender = EnvelopeAddress.Parse("user@shop.test");

        var plain = await here.Gate.CheckSenderAsync(here.Credential, sender, GateUnderTest.Cancellation);
        var located = await there.Gate.CheckSenderAsync(there.Credential, sender, GateUnderTest.Cancellation);

        Assert.Equal(RefusalReason.SenderNotVerified, plain?.Reason);
        Assert.Equal("domain shop.test is not verified for this account; verify it with POST /domains, then send again", plain?.Text);
        Assert.Contains("POST https://relay.example/domains,", located?.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SendingDomainStatus.Pending)]
    [InlineData(SendingDomainStatus.Failing)]
    public async Task A_domain_that_is_not_verified_now_does_not_count(SendingDomainStatus status)
    {
        using var gate = await new GateUnderTest().WithDomainAsync(status: status);

        Assert.NotNull(await gate.Gate.CheckSenderAsync(gate.Credential, EnvelopeAddress.Parse("u@shop.test"), GateUnderTest.Cancellation));
    }

    [Fact]
    public async Task Another_accounts_domain_does_not_count()
    {
        using var gate = await new GateUnderTest().WithDomainAsync(account: "someone else");

        Assert.NotNull(await gate.Gate.CheckSenderAsync(gate.Credential, EnvelopeAddress.Parse("u@shop.test"), GateUnderTest.Cancellation));
    }

    [Fact]
    public async Task What_another_account_has_verified_is_named_in_no_place_where_a_sender_is_named()
    {
        using var gate = await (await new GateUnderTest().WithDomainAsync()).WithDomainAsync("bank.test", "stranger");

        foreach (var sender in new[] { "ceo@bank.test", "ceo@below.bank.test" })
        {
            Assert.Equal(RefusalReason.SenderNotVerified, (await gate.Gate.CheckSenderAsync(gate.Credential, EnvelopeAddress.Parse(sender), GateUnderTest.Cancellation))?.Reason);
            Assert.Equal(RefusalReason.SenderNotVerified, (await gate.RefusedAsync($"From: {sender}\r\n\r\n")).Reason);
            Assert.Equal(RefusalReason.SenderNotVerified, (await gate.RefusedAsync($"From: a@shop.test\r\nSender: {sender}\r\n\r\n")).Reason);
        }

        Assert.Empty(gate.Queue.Accepted);
    }

    [Fact]
    public async Task The_null_sender_is_anybodys()
    {
        using var gate = new GateUnderTest();

        Assert.Null(await gate.Gate.CheckSenderAsync(gate.Credential, null, GateUnderTest.Cancellation));
    }

    [Fact]
    public async Task A_key_without_the_scope_may_not_send_at_all()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        gate.Credential = gate.Credential with { Scopes = [CredentialScope.Read, CredentialScope.Manage] };

        var refusal = await gate.Gate.CheckSenderAsync(gate.Credential, null, GateUnderTest.Cancellation);

        Assert.Equal(RefusalReason.NotAllowed, refusal?.Reason);
        Assert.Equal(RefusalReason.NotAllowed, (await gate.RefusedAsync("From: a@shop.test\r\n\r\n")).Reason);
    }

    [Fact]
    public async Task A_test_key_may_use_any_name_because_its_mail_never_leaves()
    {
        using var gate = new GateUnderTest();
        gate.Credential = gate.Credential with { Mode = MessageMode.Test };

        Assert.Null(await gate.Gate.CheckSenderAsync(gate.Credential, EnvelopeAddress.Parse("u@any.test"), GateUnderTest.Cancellation));
        Assert.Equal(MessageMode.Test, (await gate.AdmittedAsync("From: a@any.test\r\n\r\n")).Mode);
    }

    [Fact]
    public async Task No_domain_is_asked_for_where_none_is_required()
    {
        using var gate = new GateUnderTest(bootstrap => bootstrap.RequireVerifiedDomains = false);

        Assert.Null(await gate.Gate.CheckSenderAsync(gate.Credential, EnvelopeAddress.Parse("u@any.test"), GateUnderTest.Cancellation));
    }

    [Fact]
    public async Task A_domain_verified_here_is_seen_at_once()
    {
        using var gate = new GateUnderTest();
        var sender = EnvelopeAddress.Parse("u@shop.test");
        Assert.NotNull(await gate.Gate.CheckSenderAsync(gate.Credential, sender, GateUnderTest.Cancellation));

        await gate.WithDomainAsync();
        gate.Part<SendingDomains>().Forget("shop", "shop.test");

        Assert.Null(await gate.Gate.CheckSenderAsync(gate.Credential, sender, GateUnderTest.Cancellation));
    }

    [Theory]
    [InlineData("From: Bank <ceo@bank.test>\r\n\r\n")]
    [InlineData("From: a@shop.test, b@bank.test\r\nSender: a@shop.test\r\n\r\n")]
    [InlineData("From: a@shop.test\r\nSender: ceo@bank.test\r\n\r\n")]
    [InlineData("From:\r\n ceo@bank.test\r\n\r\n")]
    [InlineData("from : ceo@bank.test\r\n\r\n")]
    public async Task No_name_a_reader_could_take_for_the_sender_is_a_strangers(string header)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var refusal = await gate.RefusedAsync(header);

        Assert.Equal(RefusalReason.SenderNotVerified, refusal.Reason);
        Assert.Contains("domain bank.test", refusal.Text, StringComparison.Ordinal);
        Assert.Equal("from", refusal.Field);
    }

    [Fact]
    public async Task Mail_of_two_authors_is_refused_as_large_receivers_would()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();

        var refusal = await gate.RefusedAsync("From: a@shop.test, B <b@shop.test>\r\nSender: b@shop.test\r\n\r\n");

        Assert.Equal((RefusalReason.HeaderInvalid, "from"), (refusal.Reason, refusal.Field));
        Assert.Contains("more than one address", refusal.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gmail.com")]
    [InlineData("Yahoo.com")]
    [InlineData("outlook.com")]
    public async Task Nobody_sends_in_the_name_of_a_free_mail_provider(string domain)
    {
        using var gate = await (await new GateUnderTest().WithDomainAsync()).WithDomainAsync(domain.ToLowerInvariant());

        var refusal = await gate.RefusedAsync($"From: Ada <ada@{domain}>\r\n\r\n");

        Assert.Equal((RefusalReason.SenderNotVerified, "from"), (refusal.Reason, refusal.Field));
        Assert.Contains("Reply-To", refusal.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(RecordState.Missing, "bulk", false)]
    [InlineData(RecordState.Wrong, "bulk", false)]
    [InlineData(RecordState.Verified, "bulk", true)]
    [InlineData(RecordState.Unknown, "bulk", true)]
    [InlineData(RecordState.Missing, "transactional", true)]
    public async Task Bulk_mail_needs_a_DMARC_policy(RecordState dmarc, string @class, bool isTaken)
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        await gate.Accounts.ChangeDomainAsync(
            "shop", "shop.test", domain => domain with { Findings = [new RecordFinding("dmarc", "_dmarc.shop.test", dmarc, "")] }, GateUnderTest.Cancellation);

        var result = await gate.AdmitAsync($"From: a@news.shop.test\r\nRelay-Class: {@class}\r\n\r\n");

        Assert.Equal(isTaken, result is AdmissionResult.Admitted);
        if (result is AdmissionResult.Refused { Refusal.Text: var text })
        {
            Assert.Contains("v=DMARC1; p=none", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_store_that_is_away_or_full_refuses_for_a_while()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        gate.Accounts.Refusal = new StoreUnavailableException("away");

        Assert.Equal(RefusalReason.StoreUnavailable, (await gate.RefusedAsync("From: a@shop.test\r\n\r\n")).Reason);
        Assert.Equal(RefusalReason.StoreUnavailable, (await gate.Gate.CheckSenderAsync(gate.Credential, EnvelopeAddress.Parse("u@shop.test"), GateUnderTest.Cancellation))?.Reason);
    }

    [Fact]
    public async Task A_key_revoked_in_the_middle_of_a_session_sends_no_more()
    {
        using var gate = await (await new GateUnderTest().WithDomainAsync()).WithKeyAsync();
        var sender = EnvelopeAddress.Parse("u@shop.test");
        Assert.Null(await gate.Gate.CheckSenderAsync(gate.Credential, sender, GateUnderTest.Cancellation));

        var revoked = gate.Credential with { RevokedAt = gate.Time.GetUtcNow() };
        await gate.Accounts.PutCredentialAsync(revoked, GateUnderTest.Cancellation);
        gate.Part<Credentials>().Forget(revoked);

        var refusal = await gate.Gate.CheckSenderAsync(gate.Credential, sender, GateUnderTest.Cancellation);
        Assert.Equal(RefusalReason.KeyIsOver, refusal?.Reason);
        Assert.Contains("revoked", refusal?.Text);
    }
}
