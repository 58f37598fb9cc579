using System.Net;
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

    [Theory]
    [InlineData("v=spf1 a:mx.relay.test -all", "ip4:192.0.2.10 ip6:2001:db8::10")]
    [InlineData("v=spf1 a:mx.relay.test ip4:192.0.2.0/28 -all", "ip6:2001:db8::10")]
    [InlineData("v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 -all", "a:mx.relay.test a:nat.relay.test")]
    public async Task Every_address_that_mail_may_leave_from_has_to_pass(string text, string missing)
    {
        foreach (var purpose in (RecordPurpose[])[RecordPurpose.ReturnPathSpf, RecordPurpose.Spf])
        {
            await WithPool().With(purpose, text).IsWrongAsync(purpose, $"Change it to: v=spf1 {missing}{text[6..]}");
        }
    }

    [Fact]
    public async Task The_record_that_is_told_lets_them_all_pass_and_names_no_address_that_nobody_sees()
    {
        var domain = WithPool();

        Assert.Equal("v=spf1 a:mx.relay.test a:nat.relay.test ip4:192.0.2.10 ip6:2001:db8::10 -all", domain.Record(RecordPurpose.ReturnPathSpf).Value);
        await domain.With(RecordPurpose.ReturnPathSpf, domain.Record(RecordPurpose.ReturnPathSpf).Value).IsGoodAsync(RecordPurpose.ReturnPathSpf);
    }

    [Fact]
    public async Task Several_relays_go_by_what_is_said_of_all_of_them_whatever_each_is_called()
    {
        var options = new DomainOptions { ReturnPathHosts = ["mx1.relay.test", "mx2.relay.test"], SendingHosts = ["out.relay.test", "192.0.2.10"] };
        foreach (var own in (string[])["mx1.relay.test", "mx2.relay.test"])
        {
            var domain = new ExaminedDomain(RelayHosts.Of(own, options, [(IPAddress.Parse("192.0.2.77"), null)]));
            domain.Records.Put("out.relay.test", RecordType.Address, "192.0.2.5");
            var (path, spf) = (domain.Record(RecordPurpose.ReturnPath), domain.Record(RecordPurpose.ReturnPathSpf));

            Assert.Equal(("10 mx1.relay.test", "v=spf1 a:out.relay.test ip4:192.0.2.10 -all"), (path.Value, spf.Value));
            domain.Records.Put(path.Name, RecordType.Mx, "10 mx1.relay.test", "20 mx2.relay.test");
            await domain.IsGoodAsync(RecordPurpose.ReturnPath);
            domain.Records.Put(path.Name, RecordType.Mx, "10 mx2.relay.test");
            await domain.IsGoodAsync(RecordPurpose.ReturnPath);
            domain.Records.Put(path.Name, RecordType.Mx, "10 mx2.relay.test", "20 mail.shop.test");
            await domain.IsWrongAsync(RecordPurpose.ReturnPath, "should lead to mx1.relay.test or mx2.relay.test alone");
            await domain.With(RecordPurpose.ReturnPathSpf, spf.Value).IsGoodAsync(RecordPurpose.ReturnPathSpf);
        }
    }

    private static ExaminedDomain WithPool()
    {
        var domain = new ExaminedDomain(RelayHosts.Of(ExaminedDomain.Host, new DomainOptions(),
        [
            (IPAddress.Parse("192.0.2.10"), "out1.relay.test"), (IPAddress.Parse("2001:db8::10"), null), (IPAddress.Parse("10.0.0.7"), "nat.relay.test"), (IPAddress.Parse("10.0.0.8"), null),
        ]));
        domain.Records.Put("nat.relay.test", RecordType.Address, "192.0.2.1");
        return domain;
    }

    private void Provider()
    {
        _domain.Records["provider.test"] = ["v=spf1 a:mx.relay.test ?all"];
        _domain.Records["other.test"] = ["v=spf1 ip4:198.51.100.0/24 ?all"];
        _domain.Records.Put(ExaminedDomain.Name, RecordType.Mx, $"10 {ExaminedDomain.Host}");
        _domain.Records.Put("near.relay.test", RecordType.Address, "192.0.2.77", "2001:db8::77");
    }
}
