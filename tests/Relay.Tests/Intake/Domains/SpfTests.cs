using Relay.Intake.Domains;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;

namespace Relay.Tests.Intake.Domains;

public sealed class SpfTests
{
    private readonly ExaminedDomain _domain = new();

    [Theory]
    [InlineData("v=spf1 a:mx.relay.test ~all")]
    [InlineData("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all")]
    [InlineData("v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all")]
    [InlineData("v=spf1 include:provider.test -all")]
    [InlineData("v=spf1 -ip4:198.51.100.1 redirect=provider.test")]
    [InlineData("v=spf1 mx -all")]
    [InlineData("v=spf1 a:near.relay.test/24//64 -all")]
    [InlineData("V=SPF1 A:mx.relay.test exp=why.shop.test -ALL")]
    public async Task A_record_that_lets_this_relay_pass_is_good(string text)
    {
        Provider();

        await _domain.With(RecordPurpose.Spf, text).IsGoodAsync(RecordPurpose.Spf);
    }

    [Theory]
    [InlineData("v=spf1 -all")]
    [InlineData("v=spf1 -a:mx.relay.test +all")]
    [InlineData("v=spf1 ip4:192.0.2.1 -all")]
    [InlineData("v=spf1 ip4:192.0.2.2 ip6:2001:db8::2 ~all")]
    [InlineData("v=spf1 include:other.test -all")]
    public async Task A_record_that_does_not_is_told_with_the_one_that_would(string text)
    {
        Provider();

        await _domain.With(RecordPurpose.Spf, text).IsWrongAsync(RecordPurpose.Spf, $"Change it to: v=spf1 a:mx.relay.test{text[6..]}");
    }

    [Fact]
    public async Task Two_records_are_told_with_one_made_of_them() =>
        await _domain.With(RecordPurpose.Spf, "v=spf1 include:a.test -all", "v=spf1 mx include:a.test ~all", "other")
            .IsWrongAsync(RecordPurpose.Spf, "two SPF records or more (2); receivers count that as an error. Make one of them: v=spf1 include:a.test mx ~all");

    [Fact]
    public async Task Eleven_look_ups_are_counted_through_all_includes()
    {
        _domain.Records["many.test"] = ["v=spf1 " + string.Join(' ', Enumerable.Range(0, 9).Select(i => $"a:h{i}.test")) + " ?all"];

        await _domain.With(RecordPurpose.Spf, "v=spf1 a:mx.relay.test include:many.test -all").IsWrongAsync(RecordPurpose.Spf, "needs 11 look-ups");
        await _domain.With(RecordPurpose.Spf, "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 include:many.test -all").IsGoodAsync(RecordPurpose.Spf);
    }

    [Fact]
    public async Task A_record_that_includes_itself_comes_to_an_end() =>
        await _domain.With(RecordPurpose.Spf, "v=spf1 include:shop.test -all").IsWrongAsync(RecordPurpose.Spf, "look-ups");

    [Theory]
    [InlineData("v=spf1 ipv4:192.0.2.1 -all", "ipv4:192.0.2.1 is no term of SPF")]
    [InlineData("v=spf1 include:none.test -all", "none.test, which is included, has not exactly one SPF record")]
    [InlineData("v=spf1 ip4:192.0.2.300 -all", "ip4:192.0.2.300 cannot be read")]
    public async Task What_makes_every_result_an_error_is_told(string text, string words) =>
        await _domain.With(RecordPurpose.Spf, text).IsWrongAsync(RecordPurpose.Spf, words);

    [Fact]
    public async Task Where_our_own_name_has_no_address_the_term_itself_is_looked_for()
    {
        _domain.Records.Put(ExaminedDomain.Host, RecordType.Address);

        await _domain.With(RecordPurpose.Spf, "v=spf1 a:mx.relay.test ~all").IsGoodAsync(RecordPurpose.Spf);
        await _domain.With(RecordPurpose.Spf, "v=spf1 mx ~all").IsWrongAsync(RecordPurpose.Spf, "does not let this relay pass");
    }

    [Fact]
    public async Task A_missing_record_is_missing_and_one_in_quotes_told()
    {
        Assert.Equal(RecordState.Missing, (await _domain.FindAsync(RecordPurpose.Spf)).State);
        await _domain.With(RecordPurpose.Spf, "\"v=spf1 a:mx.relay.test ~all\"").IsWrongAsync(RecordPurpose.Spf, "quotes");
    }

    private void Provider()
    {
        _domain.Records["provider.test"] = ["v=spf1 a:mx.relay.test ?all"];
        _domain.Records["other.test"] = ["v=spf1 ip4:198.51.100.0/24 ?all"];
        _domain.Records.Put(ExaminedDomain.Name, RecordType.Mx, $"10 {ExaminedDomain.Host}");
        _domain.Records.Put("near.relay.test", RecordType.Address, "192.0.2.77", "2001:db8::77");
    }
}
