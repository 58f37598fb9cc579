using Relay.Delivery.TlsReports;

namespace Relay.Tests.Delivery.TlsReports;

public sealed class TlsReportRecordTests
{
    [Theory]
    [InlineData("v=TLSRPTv1; rua=mailto:a@x.test", "mailto:a@x.test")]
    [InlineData("v=TLSRPTv1;rua=https://x.test/in, mailto:a@x.test;", "https://x.test/in mailto:a@x.test")]
    [InlineData("v=TLSRPTv1; future=1; rua=http://x.test/in,ftp://x.test,nonsense,mailto:a@x.test", "mailto:a@x.test")]
    [InlineData("v=TLSRPTv1; rua=mailto:1@x.test,mailto:2@x.test,mailto:3@x.test,mailto:4@x.test,mailto:5@x.test,mailto:6@x.test", "mailto:1@x.test mailto:2@x.test mailto:3@x.test mailto:4@x.test mailto:5@x.test")]
    [InlineData("v=TLSRPTv1;", "")]
    [InlineData("v=TLSRPTv2; rua=mailto:a@x.test", "")]
    [InlineData("v=spf1 -all", "")]
    public void The_record_names_the_places_that_a_report_goes_to(string text, string places) =>
        Assert.Equal(places, string.Join(' ', TlsReportRecord.PlacesIn(["unrelated", text]).Select(p => p.AbsoluteUri)));

    [Fact]
    public void Two_records_are_none() => Assert.Empty(TlsReportRecord.PlacesIn(["v=TLSRPTv1; rua=mailto:a@x.test", "v=TLSRPTv1; rua=mailto:b@x.test"]));
}
