using Relay.Delivery.TlsPolicies;

namespace Relay.Tests.Delivery.TlsPolicies;

public sealed class StsPolicyTests
{
    [Theory]
    [InlineData("version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n")]
    [InlineData("version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 604800")]
    [InlineData("version:STSv1  \n\nmax_age :604800\nfuture: word\nmode:enforce\nmode: none\nmx:MAIL.example.com.\nmx:*.Example.net\n")]
    public void A_policy_is_read_in_every_form_that_is_allowed(string text)
    {
        var policy = StsPolicy.Parse(text, out var problem);

        Assert.True(policy is not null, problem);
        Assert.Equal((StsMode.Enforce, TimeSpan.FromDays(7)), (policy.Mode, policy.MaxAge));
        Assert.Equal(["mail.example.com", "*.example.net"], policy.Mx);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>not found</html>")]
    [InlineData("version: STSv2\nmode: enforce\nmx: a.test\nmax_age: 100")]
    [InlineData("mode: enforce\nmx: a.test\nmax_age: 100")]
    [InlineData("version: STSv1\nmode: strict\nmx: a.test\nmax_age: 100")]
    [InlineData("version: STSv1\nmx: a.test\nmax_age: 100")]
    [InlineData("version: STSv1\nmode: enforce\nmax_age: 100")]
    [InlineData("version: STSv1\nmode: enforce\nmx: a.test")]
    [InlineData("version: STSv1\nmode: enforce\nmx: a.test\nmax_age: -1")]
    [InlineData("version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 31557601")]
    [InlineData("version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 99999999999999999999")]
    [InlineData("version: STSv1\nmode enforce\nmx: a.test\nmax_age: 100")]
    public void What_is_no_policy_is_not_taken_for_one(string text)
    {
        Assert.Null(StsPolicy.Parse(text, out var problem));
        Assert.NotEmpty(problem);
    }

    [Fact]
    public void A_policy_that_was_taken_back_needs_no_host() =>
        Assert.Equal(StsMode.None, StsPolicy.Parse("version: STSv1\nmode: none\nmax_age: 60", out _)!.Mode);

    [Theory]
    [InlineData("mail.example.com", true)]
    [InlineData("MAIL.example.com", true)]
    [InlineData("a.example.net", true)]
    [InlineData("a.b.example.net", false)]
    [InlineData("example.net", false)]
    [InlineData(".example.net", false)]
    [InlineData("aexample.net", false)]
    [InlineData("mail.example.com.evil.test", false)]
    public void A_star_stands_for_exactly_one_label(string host, bool permitted) =>
        Assert.Equal(permitted, new StsPolicy(StsMode.Enforce, TimeSpan.FromDays(1), ["mail.example.com", "*.example.net"]).Permits(host));

    [Theory]
    [InlineData("20260301T000000", "v=STSv1; id=20260301T000000;")]
    [InlineData("1", "other text", "v=STSv1;id=1")]
    [InlineData("1", "v=STSv1 ; id=1; future=word;")]
    [InlineData(null)]
    [InlineData(null, "v=STSv1")]
    [InlineData(null, "v=STSv10; id=1;")]
    [InlineData(null, "v=STSv1; id=;")]
    [InlineData(null, "v=STSv1; id=not-a-word;")]
    [InlineData(null, "v=STSv1; id=123456789012345678901234567890123;")]
    [InlineData(null, "v=STSv1; id=1;", "v=STSv1; id=2;")]
    public void The_record_tells_the_policys_id(string? id, params string[] texts) => Assert.Equal(id, StsRecord.IdIn(texts));
}
