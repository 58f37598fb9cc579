using System.Text;
using Relay.Intake.Admission;
using Relay.Intake.Domains;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Signing;
using Relay.Smtp.Addresses;
using Relay.Tests.Mail.Signing;

namespace Relay.Tests.Intake.Admission;

public sealed class SigningTests
{
    private const string Mail = "From: Shop <orders@shop.test>\r\nSubject: Hi\r\n\r\nhello \r\n\r\n";

    [Fact]
    public async Task Mail_of_a_domain_leaves_with_both_its_signatures_and_its_own_octets_untouched()
    {
        using var gate = await GateWithKeysAsync(seen: true);

        var content = (await gate.AdmittedAsync(Mail)).Content;

        Assert.Equal(Mail, GateUnderTest.TextOf(content.Head));
        Assert.Equal(content.Prologue.Length + content.Head.Length, content.Length);
        Assert.StartsWith("DKIM-Signature: v=1; a=rsa-sha256;", GateUnderTest.TextOf(content.Prologue), StringComparison.Ordinal);
        Assert.Equal((2, 2), await CheckAsync(gate, content));
    }

    [Fact]
    public async Task Mail_to_many_destinations_is_signed_once_for_all_of_them()
    {
        using var gate = await GateWithKeysAsync(seen: true);

        var message = await gate.AdmittedAsync(
            Mail, submission => submission with { Envelope = GateUnderTest.Envelope([.. Enumerable.Range(0, 250).Select(n => $"a{n}@d{n % 50}.test")]) });

        Assert.Equal(50, Unit.Of(message).Count);
        Assert.Equal((2, 2), await CheckAsync(gate, message.Content));
    }

    [Theory]
    [InlineData("orders@shop.test")]
    [InlineData("orders@MAIL.shop.test")]
    [InlineData("a@x.y.shop.test")]
    public async Task The_signature_is_the_domains_own_for_all_that_hangs_below_it(string from)
    {
        using var gate = await GateWithKeysAsync(seen: true);

        var prologue = GateUnderTest.TextOf((await gate.AdmittedAsync(Mail.Replace("orders@shop.test", from, StringComparison.Ordinal))).Content.Prologue);

        Assert.Contains("d=shop.test;", prologue, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_domain_below_that_is_not_verified_yet_takes_no_signatures_from_the_one_above()
    {
        using var gate = await GateWithKeysAsync(seen: true);
        await gate.WithDomainAsync("mail.shop.test", status: SendingDomainStatus.Pending);
        await gate.Accounts.ChangeDomainAsync(
            "shop", "mail.shop.test", domain => domain with { Keys = KeyPair.CreateBoth(domain, gate.Seal, gate.Time.GetUtcNow()) }, GateUnderTest.Cancellation);

        var prologue = GateUnderTest.TextOf((await gate.AdmittedAsync(Mail.Replace("orders@shop.test", "orders@mail.shop.test", StringComparison.Ordinal))).Content.Prologue);

        Assert.Contains("d=shop.test;", prologue, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_test_keys_mail_is_signed_even_before_the_domain_is_verified()
    {
        using var gate = await GateWithKeysAsync(seen: false, SendingDomainStatus.Pending);
        gate.Credential = gate.Credential with { Mode = MessageMode.Test };

        Assert.Equal((2, 2), await CheckAsync(gate, (await gate.AdmittedAsync(Mail)).Content));
    }

    [Fact]
    public async Task A_key_that_nobody_can_find_does_not_sign_beside_one_that_can_be_found()
    {
        using var gate = await GateWithKeysAsync(seen: true);
        await gate.Accounts.ChangeDomainAsync(
            "shop", "shop.test", domain => domain with { Keys = [domain.Keys[0], domain.Keys[1] with { SeenAt = null }] }, GateUnderTest.Cancellation);

        Assert.Equal((1, 1), await CheckAsync(gate, (await gate.AdmittedAsync(Mail)).Content));
    }

    [Fact]
    public async Task A_new_key_signs_from_the_moment_it_is_seen_and_the_old_one_no_more()
    {
        using var gate = await GateWithKeysAsync(seen: true);
        var domain = await gate.Accounts.FindDomainAsync("shop", "shop.test", GateUnderTest.Cancellation);
        var now = gate.Time.GetUtcNow();
        var next = KeyPair.CreateBoth(domain!, gate.Seal, now);
        Assert.Equal(domain!.Keys, (domain with { Keys = [.. domain.Keys, .. next] }).SigningKeys());

        var rotated = domain with { Keys = [.. domain.Keys.Select(key => key with { RetiredAt = now }), .. next.Select(key => key with { SeenAt = now })] };

        Assert.Equal(next.Select(key => key.Selector), rotated.SigningKeys().Select(key => key.Selector));
    }

    [Fact]
    public async Task What_is_signed_again_is_signed_with_the_keys_of_its_time()
    {
        using var gate = await GateWithKeysAsync(seen: true);
        var before = gate.Time.GetUtcNow();
        var rotatedAt = before.AddMinutes(1);
        var first = (await gate.Accounts.FindDomainAsync("shop", "shop.test", GateUnderTest.Cancellation))!.Keys;
        await gate.Accounts.ChangeDomainAsync(
            "shop",
            "shop.test",
            domain => domain with
            {
                Keys =
                [
                    .. domain.Keys.Select(key => key with { RetiredAt = rotatedAt }),
                    .. KeyPair.CreateBoth(domain, gate.Seal, before).Select(key => key with { SeenAt = rotatedAt }),
                ],
            },
            GateUnderTest.Cancellation);
        var signers = new SendingDomains(gate.Accounts, gate.Seal, Microsoft.Extensions.Options.Options.Create(new DomainOptions()), gate.Time);

        Assert.Equal(first.Select(key => key.Selector), await SelectorsAsync(before));
        Assert.Equal(await SelectorsAsync(null), await SelectorsAsync(rotatedAt));
        Assert.Empty(first.Select(key => key.Selector).Intersect(await SelectorsAsync(null)));

        // One that others may know signs nothing any more, whatever it signed before.
        await gate.Accounts.ChangeDomainAsync(
            "shop", "shop.test", domain => domain with { Keys = [.. domain.Keys.Select(key => first.Any(f => f.Selector == key.Selector) ? key with { PrivateKey = [] } : key)] }, GateUnderTest.Cancellation);
        signers.Forget("shop", "shop.test");
        Assert.Equal(await SelectorsAsync(null), await SelectorsAsync(before));

        async Task<IEnumerable<string>> SelectorsAsync(DateTimeOffset? at)
        {
            var signer = at is { } time
                ? await signers.FindSignerAsync("shop", "shop.test", time, GateUnderTest.Cancellation)
                : await signers.FindSignerAsync("shop", "shop.test", GateUnderTest.Cancellation);
            return signer!.Keys.Select(key => key.Selector);
        }
    }

    [Fact]
    public async Task Another_accounts_key_signs_nothing_of_ours()
    {
        using var gate = new GateUnderTest(bootstrap => bootstrap.RequireVerifiedDomains = false);
        await AddAsync(gate, "stranger", seen: true, SendingDomainStatus.Verified);

        var message = await gate.AdmittedAsync(Mail);

        Assert.DoesNotContain("DKIM-Signature", GateUnderTest.TextOf(message.Content.Prologue), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_cannot_be_opened_puts_the_mail_off_and_loses_nothing()
    {
        using var gate = await new GateUnderTest().WithDomainAsync();
        var other = new KeySeal(["another secret than the one of this gate"]);
        await gate.Accounts.ChangeDomainAsync(
            "shop", "shop.test", domain => domain with { Keys = KeyPair.CreateBoth(domain, other, gate.Time.GetUtcNow()) }, GateUnderTest.Cancellation);

        Assert.Equal(RefusalReason.StoreUnavailable, (await gate.RefusedAsync(Mail)).Reason);
        Assert.Empty(gate.Queue.Accepted);
    }

    [Theory]
    [InlineData("b@shop.test", "shop.test")]
    [InlineData("b@bounce.shop.test", "bounce.shop.test")]
    [InlineData("b@test", null)]
    [InlineData("b@elsewhere.test", null)]
    [InlineData("b@notshop.test", null)]
    [InlineData(null, null)]
    public async Task What_DMARC_will_pass_by_is_known_before_the_mail_leaves(string? sender, string? spf)
    {
        using var gate = new GateUnderTest(bootstrap => bootstrap.RequireVerifiedDomains = false);
        var envelope = GateUnderTest.Envelope("user@there.test") with { Sender = sender is null ? null : EnvelopeAddress.Parse(sender) };
        Assert.Equal(new Alignment(null, null), (await gate.AdmittedAsync(Mail, mail => mail with { Envelope = envelope })).Alignment);

        await AddAsync(gate, "shop", seen: true, SendingDomainStatus.Verified);
        await FoundAsync(gate, new("spf", "shop.test", RecordState.Verified, ""), new("return-path-spf", "bounce.shop.test", RecordState.Verified, ""));
        Assert.Equal(new Alignment("shop.test", spf), (await gate.AdmittedAsync(Mail, mail => mail with { Envelope = envelope })).Alignment);
    }

    [Fact]
    public async Task Of_an_address_without_its_domain_neither_is_aligned_and_DMARC_passes_by_nothing()
    {
        using var gate = await new GateUnderTest().WithKeyAsync();
        await gate.Senders.TryAddAsync(
            new VerifiedSender("snd_1", "shop", "orders@shop.test", gate.Time.GetUtcNow()) { VerifiedAt = gate.Time.GetUtcNow() }, GateUnderTest.Cancellation);
        var envelope = GateUnderTest.Envelope("user@there.test") with { Sender = EnvelopeAddress.Parse("orders@shop.test") };

        var alignment = (await gate.AdmittedAsync(Mail, mail => mail with { Envelope = envelope })).Alignment!;

        Assert.Equal((null, null, false), (alignment.Dkim, alignment.Spf, alignment.IsAligned));
    }

    [Theory]
    [InlineData("orders@shop.test", true)]
    [InlineData("orders@news.shop.test", false)]
    public async Task A_strict_policy_is_passed_by_the_authors_very_domain_alone(string from, bool aligned)
    {
        using var gate = await GateWithKeysAsync(seen: true);
        await FoundAsync(
            gate,
            new("spf", "shop.test", RecordState.Verified, ""),
            new("dmarc", "_dmarc.shop.test", RecordState.Verified, "") { StrictDkim = true, StrictSpf = true });

        var alignment = (await gate.AdmittedAsync(Mail.Replace("orders@shop.test", from, StringComparison.Ordinal))).Alignment!;

        Assert.Equal("shop.test", alignment.Dkim);
        Assert.Equal(aligned ? "shop.test" : null, alignment.Spf);
        Assert.Equal(aligned, alignment.IsAligned);
    }

    [Theory]
    [InlineData(71, true)]
    [InlineData(73, false)]
    public async Task A_failing_domain_may_be_sent_as_until_its_grace_is_over(int hours, bool may)
    {
        using var gate = await GateWithKeysAsync(seen: true, SendingDomainStatus.Failing);
        await gate.Accounts.ChangeDomainAsync(
            "shop", "shop.test", domain => domain with { FailingSince = gate.Time.GetUtcNow() }, GateUnderTest.Cancellation);

        gate.Time.Advance(TimeSpan.FromHours(hours));

        Assert.Equal(may, await gate.AdmitAsync(Mail) is AdmissionResult.Admitted);
    }

    private static async Task<GateUnderTest> GateWithKeysAsync(bool seen, SendingDomainStatus status = SendingDomainStatus.Verified)
    {
        var gate = new GateUnderTest();
        await AddAsync(gate, "shop", seen, status);
        return gate;
    }

    internal static async Task AddAsync(GateUnderTest gate, string account, bool seen, SendingDomainStatus status)
    {
        await gate.WithDomainAsync(account: account, status: status);
        var now = gate.Time.GetUtcNow();
        await gate.Accounts.ChangeDomainAsync(
            account,
            "shop.test",
            domain => domain with { Keys = [.. KeyPair.CreateBoth(domain, gate.Seal, now).Select(key => key with { SeenAt = seen ? now : null })] },
            GateUnderTest.Cancellation);
    }

    private static async Task FoundAsync(GateUnderTest gate, params RecordFinding[] findings)
    {
        await gate.Accounts.ChangeDomainAsync("shop", "shop.test", domain => domain with { Findings = findings }, GateUnderTest.Cancellation);
        gate.Time.Advance(TimeSpan.FromMinutes(1));
    }

    private static async Task<(int Good, int All)> CheckAsync(GateUnderTest gate, MessageContent content)
    {
        var domain = await gate.Accounts.FindDomainAsync("shop", "shop.test", GateUnderTest.Cancellation);
        return PublishedKeys.Of(domain!).Check([.. content.Prologue.Span, .. content.Head.Span]);
    }
}
