using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;
using Relay.Tests.Mail.Tokens;

namespace Relay.Tests.Intake.Admission;

public sealed class ReturnPathTests : IDisposable
{
    private const string Mail = "From: Shop <orders@shop.test>\r\nTo: ann@there.test\r\nSubject: Hi\r\n\r\nHi\r\n";

    private readonly GateUnderTest _gate = new();

    public void Dispose() => _gate.Dispose();

    [Fact]
    public async Task The_world_is_told_an_address_of_ours_that_names_the_message()
    {
        await OpenAsync();

        var message = await _gate.AdmittedAsync(Mail);

        var returnPath = Assert.IsType<EnvelopeAddress>(message.ReturnPath);
        Assert.Equal("bounce.shop.test", returnPath.Domain);
        Assert.True(_gate.Tokens.TryRead(returnPath.LocalPart, out var token));
        Assert.Equal(new MailToken(TokenPurpose.ReturnPath, message.Id, null), token);
        Assert.Equal(returnPath, message.WireSender);
    }

    [Fact]
    public async Task The_senders_own_address_is_kept_for_its_report()
    {
        await OpenAsync();

        var message = await _gate.AdmittedAsync(Mail);

        Assert.Equal("bounce@shop.test", message.Envelope.Sender!.Text);
        Assert.True(message.ReportsFailures);
    }

    [Fact]
    public async Task Spf_is_aligned_by_it_though_the_senders_own_was_not()
    {
        await OpenAsync();
        await _gate.WithDomainAsync("elsewhere.test");

        var message = await _gate.AdmittedAsync(Mail, s => s with { Envelope = s.Envelope with { Sender = EnvelopeAddress.Parse("me@elsewhere.test") } });

        Assert.Equal("bounce.shop.test", message.Alignment!.Spf);
    }

    [Fact]
    public async Task Mail_of_a_name_below_the_domain_has_it_too()
    {
        await OpenAsync();

        Assert.Equal("bounce.shop.test", (await _gate.AdmittedAsync(Mail.Replace("@shop.test", "@news.shop.test", StringComparison.Ordinal))).ReturnPath!.Domain);
    }

    [Fact]
    public async Task The_null_sender_stays_null()
    {
        await OpenAsync();

        var message = await _gate.AdmittedAsync(Mail, s => s with { Envelope = s.Envelope with { Sender = null } });

        Assert.Null(message.ReturnPath);
        Assert.Null(message.WireSender);
    }

    [Theory]
    [InlineData(DsnNotify.Success | DsnNotify.Failure, false)]
    [InlineData(DsnNotify.Failure | DsnNotify.Delay, true)]
    [InlineData(DsnNotify.Never, true)]
    public async Task Who_asks_to_be_told_of_success_must_be_reachable_by_those_who_tell_it(DsnNotify notify, bool rewritten)
    {
        await OpenAsync();

        var message = await _gate.AdmittedAsync(Mail, s => s with
        {
            Envelope = s.Envelope with { Recipients = [.. s.Envelope.Recipients, new Recipient { Address = EnvelopeAddress.Parse("bob@there.test"), Notify = notify }] },
        });

        Assert.Equal(rewritten, message.ReturnPath is not null);
    }

    [Fact]
    public async Task What_a_test_key_sends_has_none()
    {
        await OpenAsync();

        Assert.Null((await _gate.AdmittedAsync(Mail, s => s with { Credential = s.Credential with { Mode = MessageMode.Test } })).ReturnPath);
    }

    [Theory]
    [InlineData(RecordState.Missing, RecordState.Verified)]
    [InlineData(RecordState.Verified, RecordState.Missing)]
    [InlineData(RecordState.Wrong, RecordState.Verified)]
    [InlineData(RecordState.Unknown, RecordState.Unknown)]
    public async Task Where_a_bounce_would_not_come_back_or_spf_would_fail_the_senders_own_stays(RecordState path, RecordState spf)
    {
        await OpenAsync(path, spf);

        var message = await _gate.AdmittedAsync(Mail);

        Assert.Null(message.ReturnPath);
        Assert.Equal("bounce@shop.test", message.WireSender!.Text);
    }

    [Fact]
    public async Task Without_an_open_door_for_bounces_the_senders_own_stays()
    {
        using var closed = new GateUnderTest(inbound: false);
        await closed.WithKeyAsync();
        await AddDomainAsync(closed, RecordState.Verified, RecordState.Verified);
        closed.Tokens.Use([MailTokensTests.Key(0)]);

        Assert.Null((await closed.AdmittedAsync(Mail)).ReturnPath);
    }

    [Fact]
    public async Task As_long_as_no_key_is_known_the_senders_own_stays()
    {
        using var keyless = new GateUnderTest(knowsTokens: false);
        await keyless.WithKeyAsync();
        await AddDomainAsync(keyless, RecordState.Verified, RecordState.Verified);

        Assert.Null((await keyless.AdmittedAsync(Mail)).ReturnPath);
    }

    private async Task OpenAsync(RecordState path = RecordState.Verified, RecordState spf = RecordState.Verified)
    {
        await _gate.WithKeyAsync();
        await AddDomainAsync(_gate, path, spf);
        _gate.Tokens.Use([MailTokensTests.Key(0)]);
    }

    private static async Task AddDomainAsync(GateUnderTest gate, RecordState path, RecordState spf) => await gate.Accounts.PutDomainAsync(
        new SendingDomain("dom_1", "shop", "shop.test", "token", SendingDomainStatus.Verified, gate.Time.GetUtcNow(), null)
        {
            Findings =
            [
                new RecordFinding("return-path", "bounce.shop.test", path, ""),
                new RecordFinding("return-path-spf", "bounce.shop.test", spf, ""),
            ],
        },
        GateUnderTest.Cancellation);
}
