using System.Buffers;
using System.Text;
using Relay.Smtp.Addresses;
using Relay.Smtp.Client;

namespace Relay.Tests.Smtp.Client;

public sealed class CommandWriterTests
{
    [Fact]
    public void A_null_sender_stays_null()
    {
        Assert.Equal("MAIL FROM:<>\r\n", Written(o => o.Mail(null, default)));
    }

    [Fact]
    public void Parameters_are_written_where_they_are_given()
    {
        var parameters = new MailParameters(1234, EightBitMime: true, SmtpUtf8: true, ReturnFull: false, EnvelopeId: "a+b=c d");

        Assert.Equal(
            "MAIL FROM:<a@sender.test> SIZE=1234 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb+3Dc+20d\r\n",
            Written(o => o.Mail(EnvelopeAddress.Parse("a@sender.test"), parameters)));
    }

    [Fact]
    public void The_original_recipient_keeps_its_type()
    {
        var parameters = new RcptParameters("SUCCESS,FAILURE", "rfc822;\"a b\"@x.test");

        Assert.Equal(
            "RCPT TO:<a@remote.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;\"a+20b\"@x.test\r\n",
            Written(o => o.Rcpt(EnvelopeAddress.Parse("a@remote.test"), parameters)));
    }

    [Fact]
    public void REQUIRETLS_is_a_word_without_a_value() =>
        Assert.Equal("MAIL FROM:<> REQUIRETLS\r\n", Written(o => o.Mail(null, new MailParameters(null, false, false, null, null, RequireTls: true))));

    [Fact]
    public void No_envelope_id_can_become_a_command()
    {
        var wire = Written(o => o.Mail(null, new MailParameters(null, false, false, null, "x\r\nRCPT TO:<a@b.test>")));

        Assert.Equal(1, wire.Count(c => c == '\n'));
    }

    [Fact]
    public void An_international_domain_alone_is_written_in_a_labels()
    {
        Assert.Equal("RCPT TO:<a@xn--mnchen-3ya.test>\r\n", Written(o => o.Rcpt(EnvelopeAddress.Parse("a@münchen.test"), default)));
        Assert.Equal("RCPT TO:<ä@münchen.test>\r\n", Written(o => o.Rcpt(EnvelopeAddress.Parse("ä@münchen.test"), default)));
    }

    [Fact]
    public void A_host_name_with_a_line_end_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Written(o => o.Ehlo("me\r\nQUIT")));
    }

    private static string Written(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
