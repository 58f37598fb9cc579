using System.Text;
using Relay.Intake.Admission;
using Relay.Mail.Accounts;
using Relay.Mail.Lists;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Tokens;
using Relay.Tests.Mail.Signing;

namespace Relay.Tests.Intake.Admission;

/// <summary>Bulk mail leaves with a link to unsubscribe (RFC 8058).</summary>
public sealed class ListMailTests
{
    private const string Url = "https://relay.test";
    private const string Bulk = "From: Shop <orders@shop.test>\r\nSubject: News\r\nRelay-Class: bulk\r\nRelay-Stream: news\r\n\r\nhello\r\n";

    [Fact]
    public async Task Bulk_mail_gets_a_link_of_its_recipients_own_covered_by_both_signatures()
    {
        using var gate = await GateAsync();

        var message = await gate.AdmittedAsync(Bulk);

        var prologue = GateUnderTest.TextOf(message.Content.Prologue);
        Assert.Contains($"\r\nList-Unsubscribe: <{Url}/unsubscribe/", prologue, StringComparison.Ordinal);
        Assert.Contains(">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", prologue, StringComparison.Ordinal);
        Assert.Equal(new Unsubscription("shop", message.Id, "user@there.test", "news"), gate.ClaimIn(prologue));
        Assert.Equal(Bulk, GateUnderTest.TextOf(message.Content.Head));
        Assert.Equal(message.Content.Prologue.Length + Bulk.Length, message.Content.Length);
        Assert.Equal((2, 2), await CheckAsync(gate, message.Content));

        // Each named twice: whoever adds a second one on the way breaks the signature.
        var covered = prologue.Replace("\r\n\t", "", StringComparison.Ordinal);
        Assert.Contains("List-Unsubscribe:List-Unsubscribe:List-Unsubscribe-Post:List-Unsubscribe-Post", covered, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("List-Unsubscribe:", "X-Unsubscribe:")]
    [InlineData("List-Unsubscribe-Post: List-Unsubscribe=One-Click", "List-Unsubscribe-Post: x")]
    [InlineData("/unsubscribe/", "/elsewhere/")]
    public async Task A_link_that_was_changed_on_the_way_breaks_the_signatures(string field, string changed)
    {
        using var gate = await GateAsync();
        var content = (await gate.AdmittedAsync(Bulk)).Content;

        var tampered = GateUnderTest.TextOf(content.Prologue).Replace($"\r\n{field}", $"\r\n{changed}", StringComparison.Ordinal).Replace(Url + field, Url + changed, StringComparison.Ordinal);

        Assert.NotEqual(GateUnderTest.TextOf(content.Prologue), tampered);
        Assert.Equal(0, (await CheckAsync(gate, content with { Prologue = Encoding.ASCII.GetBytes(tampered) })).Good);
    }

    [Theory]
    [InlineData("From: a@shop.test\r\n\r\nx", Url)]
    [InlineData("From: a@shop.test\r\nRelay-Stream: receipts\r\n\r\nx", Url)]
    [InlineData("From: a@shop.test\r\nRelay-Class: bulk\r\nList-Unsubscribe: <mailto:off@shop.test>\r\n\r\nx", Url)]
    [InlineData("From: a@shop.test\r\nRelay-Class: bulk\r\n\r\nx", null)]
    [InlineData("From: a@shop.test\r\nRelay-Class: bulk\r\n\r\nx", "http://relay.test")]
    public async Task No_other_mail_gets_one_nor_mail_that_has_one_nor_a_relay_without_an_address_over_TLS(string mail, string? url)
    {
        using var gate = await GateAsync(url);

        var message = await gate.AdmittedAsync(mail);

        Assert.DoesNotContain("\r\nList-Unsubscribe", GateUnderTest.TextOf(message.Content.Prologue), StringComparison.OrdinalIgnoreCase);
        Assert.False(message.Content.IsPersonal);
    }

    [Fact]
    public async Task Bulk_mail_of_no_stream_is_of_the_stream_bulk_so_that_nobody_loses_a_password_reset()
    {
        using var gate = await GateAsync();

        var message = await gate.AdmittedAsync("From: a@shop.test\r\nRelay-Class: bulk\r\n\r\nx");

        Assert.Equal("bulk", gate.ClaimIn(GateUnderTest.TextOf(message.Content.Prologue)).Stream);
    }

    [Fact]
    public async Task Of_several_recipients_each_is_a_unit_whose_copy_is_written_and_signed_when_it_is_sent()
    {
        using var gate = await GateAsync();

        var message = await gate.AdmittedAsync(Bulk, s => s with { Envelope = GateUnderTest.Envelope("a@there.test", "b@there.test", "a@there.test") });

        Assert.True(message.Content.IsPersonal);
        Assert.Equal([[0], [1]], Unit.Of(message).Select(unit => unit.Recipients));
        Assert.DoesNotContain("DKIM-Signature", GateUnderTest.TextOf(message.Content.Prologue), StringComparison.Ordinal);
        Assert.DoesNotContain("List-Unsubscribe", GateUnderTest.TextOf(message.Content.Prologue), StringComparison.Ordinal);
        Assert.Equal("shop.test", message.Alignment!.Dkim);
    }

    [Fact]
    public async Task As_long_as_the_keys_of_links_are_not_known_bulk_mail_is_put_off_and_other_mail_is_not()
    {
        using var gate = await GateAsync(tokens: false);

        Assert.Equal(RefusalReason.StoreUnavailable, (await gate.RefusedAsync(Bulk)).Reason);
        await gate.AdmittedAsync("From: a@shop.test\r\n\r\nx");
    }

    [Theory]
    [InlineData(Bulk, "Feedback-ID: news:shop:bulk:acmerelay\r\n")]
    [InlineData("From: a@shop.test\r\n\r\nx", "Feedback-ID: none:shop:transactional:acmerelay\r\n")]
    public async Task Where_it_is_configured_all_mail_says_whose_it_is(string mail, string field)
    {
        using var gate = await GateAsync(feedbackId: "acmerelay");

        var content = (await gate.AdmittedAsync(mail)).Content;

        Assert.Contains(field, GateUnderTest.TextOf(content.Prologue), StringComparison.Ordinal);
        Assert.Equal((2, 2), await CheckAsync(gate, content));
    }

    [Fact]
    public async Task Where_answers_come_in_to_us_there_is_an_address_to_write_to_that_our_door_knows()
    {
        using var gate = await GateAsync(url: null, returnPath: true, complaints: true);

        var message = await gate.AdmittedAsync(Bulk);

        var prologue = GateUnderTest.TextOf(message.Content.Prologue);
        var (address, subject) = MailtoIn(prologue);
        Assert.EndsWith("@bounce.shop.test", address, StringComparison.Ordinal);
        Assert.True(gate.Tokens.TryRead(address.Split('@')[0], out var token));
        Assert.Equal(new MailToken(TokenPurpose.Unsubscribe, message.Id, 0), token);
        Assert.Equal(new Unsubscription("shop", message.Id, "user@there.test", "news"), Unsubscription.Open(gate.Tokens, subject.AsSpan("unsubscribe%20".Length)));
        Assert.DoesNotContain("\r\nList-Unsubscribe-Post:", prologue, StringComparison.Ordinal);
        Assert.All(prologue.Split("\r\n"), line => Assert.InRange(line.Length, 0, 998));

        var complaints = prologue.Split("CFBL-Address: ")[1].Split("\r\n")[0];
        Assert.EndsWith("@bounce.shop.test; report=arf", complaints, StringComparison.Ordinal);
        Assert.True(gate.Tokens.TryRead(complaints.Split('@')[0], out var complaint));
        Assert.Equal(new MailToken(TokenPurpose.Complaint, message.Id, null), complaint);
        Assert.Contains("CFBL-Address:CFBL-Address", prologue.Replace("\r\n\t", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal((2, 2), await CheckAsync(gate, message.Content));
    }

    [Theory]
    [InlineData("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")]
    [InlineData("LIST-UNSUBSCRIBE-POST : List-Unsubscribe=One-Click\r\n")]
    public async Task Where_the_senders_software_wrote_the_second_field_alone_it_gets_the_first_and_no_other_of_the_second(string own)
    {
        using var gate = await GateAsync();

        var content = (await gate.AdmittedAsync(own + Bulk)).Content;

        var header = GateUnderTest.TextOf(content.Prologue) + GateUnderTest.TextOf(content.Head);
        Assert.Contains("\r\nList-Unsubscribe: <https://", header, StringComparison.Ordinal);
        Assert.Single(System.Text.RegularExpressions.Regex.Matches(header, "(?im)^List-Unsubscribe-Post ?:"));
        Assert.Equal((2, 2), await CheckAsync(gate, content));
    }

    [Fact]
    public async Task A_fold_that_reads_like_the_second_field_is_none()
    {
        using var gate = await GateAsync();

        var content = (await gate.AdmittedAsync("X-Note: a\r\n List-Unsubscribe-Post: b\r\n" + Bulk)).Content;

        Assert.Contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", GateUnderTest.TextOf(content.Prologue), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_of_test_mail_says_that_it_is_one()
    {
        using var gate = await GateAsync();

        var message = await gate.AdmittedAsync(Bulk, s => s with { Credential = s.Credential with { Mode = MessageMode.Test } });

        Assert.Equal(MessageMode.Test, gate.ClaimIn(GateUnderTest.TextOf(message.Content.Prologue)).Mode);
    }

    [Fact]
    public async Task A_senders_own_Feedback_ID_stays()
    {
        using var gate = await GateAsync(feedbackId: "acmerelay");

        var message = await gate.AdmittedAsync("From: a@shop.test\r\nFeedback-ID: a:b:c:shop1\r\n\r\nx");

        Assert.DoesNotContain("Feedback-ID: none", GateUnderTest.TextOf(message.Content.Prologue), StringComparison.Ordinal);
    }

    private static async Task<GateUnderTest> GateAsync(string? url = Url, bool tokens = true, string? feedbackId = null, bool returnPath = false, bool complaints = false)
    {
        var gate = new GateUnderTest(publicUrl: url, lists: new ListOptions { FeedbackId = feedbackId, ComplaintAddress = complaints }, knowsTokens: tokens);
        await SigningTests.AddAsync(gate, "shop", seen: true, SendingDomainStatus.Verified);
        await gate.Accounts.ChangeDomainAsync("shop", "shop.test", domain => domain with { Findings = returnPath ? ReturnPathFindings : [] }, GateUnderTest.Cancellation);
        return gate;
    }

    private static IReadOnlyList<RecordFinding> ReturnPathFindings { get; } =
    [
        new(RecordFinding.ReturnPath, "bounce.shop.test", RecordState.Verified, ""),
        new(RecordFinding.ReturnPathSpf, "bounce.shop.test", RecordState.Verified, ""),
    ];

    private static (string Address, string Subject) MailtoIn(string header)
    {
        var link = header.Split("<mailto:")[1].Split('>')[0].Split("?subject=");
        return (link[0], link[1]);
    }

    private static async Task<(int Good, int All)> CheckAsync(GateUnderTest gate, MessageContent content)
    {
        var domain = await gate.Accounts.FindDomainAsync("shop", "shop.test", GateUnderTest.Cancellation);
        return PublishedKeys.Of(domain!).Check([.. content.Prologue.Span, .. content.Head.Span]);
    }
}
