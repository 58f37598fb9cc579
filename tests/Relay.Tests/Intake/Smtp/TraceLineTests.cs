using System.Net;
using System.Text;
using Relay.Intake.Smtp;
using Relay.Mail.Messages;

namespace Relay.Tests.Intake.Smtp;

public sealed class TraceLineTests
{
    private static readonly MessageId Id = MessageId.Parse("01jd8bc1k9p2m3n4q5r6s7t8v9");
    private static readonly TraceFacts Facts = new("client.test", IPAddress.Parse("192.0.2.1"), "mx.relay.test", null, Extended: true, Authenticated: true, SmtpUtf8: false);

    [Fact]
    public void It_reads_as_RFC_5321_has_it() => Assert.Equal(
        "Received: from client.test ([192.0.2.1])\r\n\tby mx.relay.test with ESMTPSA id 01jd8bc1k9p2m3n4q5r6s7t8v9\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384);\r\n\tSat, 01 Mar 2025 11:03:04 +0000\r\n",
        Write(Facts with { Encryption = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384" }));

    [Theory]
    [InlineData(true, false, false, false, "ESMTP")]
    [InlineData(true, true, false, false, "ESMTPS")]
    [InlineData(true, false, true, false, "ESMTPA")]
    [InlineData(true, true, true, false, "ESMTPSA")]
    [InlineData(true, true, true, true, "UTF8SMTPSA")]
    [InlineData(true, false, false, true, "UTF8SMTP")]
    [InlineData(false, false, false, false, "SMTP")]
    public void The_protocol_says_what_was_used(bool extended, bool tls, bool authenticated, bool utf8, string protocol) => Assert.Contains(
        $" with {protocol} id ",
        Write(Facts with { Extended = extended, Encryption = tls ? "TLSv1.3" : null, Authenticated = authenticated, SmtpUtf8 = utf8 }),
        StringComparison.Ordinal);

    [Fact]
    public void An_IPv6_address_is_marked_as_one() =>
        Assert.Contains("([IPv6:2001:db8::1])", Write(Facts with { ClientAddress = IPAddress.Parse("2001:db8::1") }), StringComparison.Ordinal);

    [Theory]
    [InlineData("client.test", "client.test")]
    [InlineData("[IPv6:::1]", "[IPv6:::1]")]
    [InlineData("MY_PC", "MY_PC")]
    [InlineData("a\r\nBcc: x", "a??Bcc:?x")]
    [InlineData("a (comment) <b@c>;", "a??comment???b?c??")]
    [InlineData("café", "caf?")]
    public void A_name_cannot_end_the_field(string name, string clean) => Assert.Equal(clean, TraceLine.CleanName(name));

    [Fact]
    public void A_name_is_not_longer_than_a_domain() => Assert.Equal(255, TraceLine.CleanName(new string('x', 2_000)).Length);

    private static string Write(TraceFacts facts) =>
        Encoding.ASCII.GetString(TraceLine.Of(facts, Id, new DateTimeOffset(2025, 3, 1, 12, 3, 4, TimeSpan.FromHours(1))));
}
