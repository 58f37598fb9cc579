using Relay.Intake.Domains;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Intake.Domains;

public sealed class DmarcTests
{
    private readonly InMemoryDomainRecords _records = new();

    [Theory]
    [InlineData("v=DMARC1; p=none; rua=mailto:a@shop.test", "")]
    [InlineData("v=DMARC1;p=reject;rua=mailto:a@shop.test;", "")]
    [InlineData("v=DMARC1; p=none", "rua")]
    public async Task A_policy_is_good(string text, string advice)
    {
        var judged = await JudgeAsync("shop.test", text);

        Assert.Equal(RecordState.Verified, judged.State);
        Assert.Contains(advice, judged.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("v=DMARC1; rua=mailto:a@shop.test", "needs a policy")]
    [InlineData("v=DMARC1; p=maybe", "needs a policy")]
    [InlineData("v=DMARC1; p=none; p=reject", "cannot be read")]
    public async Task A_record_without_a_policy_that_can_be_read_is_wrong(string text, string advice)
    {
        var judged = await JudgeAsync("shop.test", text);

        Assert.Equal(RecordState.Wrong, judged.State);
        Assert.Contains(advice, judged.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_two_policies_none_counts_and_other_texts_do_not_matter()
    {
        Assert.Equal(RecordState.Wrong, (await JudgeAsync("shop.test", "v=DMARC1; p=none", "v=DMARC1; p=reject")).State);
        Assert.Equal(RecordState.Verified, (await JudgeAsync("shop.test", "v=DMARC1; p=none", "hello")).State);
        Assert.Equal(RecordState.Missing, (await JudgeAsync("shop.test", "p=none; v=DMARC1")).State);
    }

    [Fact]
    public async Task A_subdomain_has_the_policy_from_above()
    {
        _records["_dmarc.shop.test"] = ["v=DMARC1; p=none"];

        var judged = await JudgeAsync("mail.eu.shop.test");

        Assert.Equal(RecordState.Verified, judged.State);
        Assert.Contains("The policy of shop.test holds here too", judged.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("v=DMARC1; p=none; rua=mailto:a@shop.test", false, false, "")]
    [InlineData("v=DMARC1; p=none; adkim=r; aspf=r; rua=mailto:a@shop.test", false, false, "")]
    [InlineData("v=DMARC1; p=none; adkim=s; rua=mailto:a@shop.test", true, false, "add that name as a domain of its own")]
    [InlineData("v=DMARC1; p=reject; adkim=S; aspf=s", true, true, "the signature has to pass")]
    public async Task How_strict_a_policy_is_is_told_and_remembered(string text, bool dkim, bool spf, string advice)
    {
        var own = await JudgeAsync("shop.test", text);
        _records["_dmarc.shop.test"] = [text];
        var inherited = await JudgeAsync("mail.shop.test");

        Assert.Equal((dkim, spf, dkim, spf), (own.StrictDkim, own.StrictSpf, inherited.StrictDkim, inherited.StrictSpf));
        Assert.Contains(advice, own.Advice, StringComparison.Ordinal);
        Assert.Contains(advice, inherited.Advice, StringComparison.Ordinal);
    }

    private async Task<Judgement> JudgeAsync(string domain, params string[] texts) =>
        await new DmarcCheck(_records).JudgeAsync(domain, texts, TestContext.Current.CancellationToken);
}
