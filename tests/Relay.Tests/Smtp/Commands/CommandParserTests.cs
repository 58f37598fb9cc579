using System.Text;
using Relay.Smtp.Commands;

namespace Relay.Tests.Smtp.Commands;

public sealed class CommandParserTests
{
    [Theory]
    [InlineData("DATA", SmtpVerb.Data)]
    [InlineData("data", SmtpVerb.Data)]
    [InlineData("RsEt", SmtpVerb.Rset)]
    [InlineData("RSET  ", SmtpVerb.Rset)]
    [InlineData("NOOP what ever", SmtpVerb.Noop)]
    [InlineData("VRFY ann", SmtpVerb.Vrfy)]
    [InlineData("HELP", SmtpVerb.Help)]
    [InlineData("HELP MAIL", SmtpVerb.Help)]
    [InlineData("QUIT", SmtpVerb.Quit)]
    [InlineData("StartTLS", SmtpVerb.StartTls)]
    public void A_verb_is_known_in_any_case(string line, SmtpVerb verb) =>
        Assert.Equal(verb, Assert.IsType<SmtpCommand.Plain>(Parse(line)).Verb);

    [Theory]
    [InlineData("DATA now")]
    [InlineData("RSET now")]
    [InlineData("QUIT now")]
    [InlineData("STARTTLS now")]
    public void A_verb_that_takes_nothing_takes_nothing(string line) =>
        Assert.StartsWith("501 5.5.4 ", Problem(line), StringComparison.Ordinal);

    [Fact]
    public void MAIL_with_all_its_parameters()
    {
        var mail = Assert.IsType<SmtpCommand.Mail>(Parse(
            "mail from:<a+b@x.test> size=1234 body=8bitmime smtputf8 auth=a+2Bb@x.test ret=full envid=QQ+20314159"));

        Assert.Equal("a+b@x.test", mail.Sender?.Text);
        Assert.Equal(1234, mail.DeclaredOctets);
        Assert.True(mail.EightBitMime);
        Assert.True(mail.SmtpUtf8);
        Assert.Equal(ReturnOption.Full, mail.Return);
        Assert.Equal("QQ 314159", mail.EnvelopeId);
    }

    [Fact]
    public void MAIL_with_none()
    {
        var mail = Assert.IsType<SmtpCommand.Mail>(Parse("MAIL FROM: <>"));

        Assert.Null(mail.Sender);
        Assert.Equal(0, mail.DeclaredOctets);
        Assert.False(mail.EightBitMime);
        Assert.False(mail.SmtpUtf8);
        Assert.Equal(ReturnOption.Unspecified, mail.Return);
        Assert.Null(mail.EnvelopeId);
    }

    [Theory]
    [InlineData("RCPT TO:<a@x.test>", null)]
    [InlineData("RCPT TO:<a@x.test> NOTIFY=NEVER", NotifyOption.Never)]
    [InlineData("RCPT TO:<a@x.test> notify=success,FAILURE,delay", NotifyOption.Success | NotifyOption.Failure | NotifyOption.Delay)]
    public void RCPT_says_what_to_report(string line, NotifyOption? notify) =>
        Assert.Equal(notify, Assert.IsType<SmtpCommand.Rcpt>(Parse(line)).Notify);

    [Theory]
    [InlineData("rfc822;a@x.test", "rfc822;a@x.test")]
    [InlineData("rfc822;a+2Bb+40x.test", "rfc822;a+b@x.test")]
    [InlineData("utf-8;jos\\x{E9}@x.test", "utf-8;jos\\x{E9}@x.test")]
    public void RCPT_says_whom_it_was_meant_for(string original, string decoded) =>
        Assert.Equal(decoded, Assert.IsType<SmtpCommand.Rcpt>(Parse($"RCPT TO:<a@x.test> ORCPT={original}")).OriginalRecipient);

    [Theory]
    [InlineData("MAIL FROM:<a@x.test> ENVID=", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@x.test> ENVID=a+0Ab", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@x.test> ENVID=a+0", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@x.test> ENVID=a=b", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@x.test> RET=ALL", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@x.test> SMTPUTF8=1", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@x.test> AUTH=ann", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@x.test> SIZE", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@x.test> SIZE=1e3", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@x.test> NOTIFY=NEVER", "555 5.5.4 ")]
    [InlineData("MAIL FROM:<a@x.test> =", "555 5.5.4 ")]
    [InlineData("MAIL FROM:<a@x.test> ret=full RET=FULL", "501 5.5.4 ")]
    [InlineData("RCPT TO:<a@x.test> NOTIFY=", "501 5.5.4 ")]
    [InlineData("RCPT TO:<a@x.test> NOTIFY=SUCCESS,", "501 5.5.4 ")]
    [InlineData("RCPT TO:<a@x.test> ORCPT=;a@x.test", "501 5.5.4 ")]
    [InlineData("RCPT TO:<a@x.test> ORCPT=rfc822;", "501 5.5.4 ")]
    [InlineData("RCPT TO:<a@x.test> ORCPT=rfc822;jos\u00c3\u00a9@x.test", "501 5.5.4 ")]
    [InlineData("RCPT TO:<\"a@x.test>", "501 5.5.4 ")]
    [InlineData("RCPT TO:<a@x.test>>", "501 5.5.4 ")]
    [InlineData("RCPT TO:<a@x.test\t>", "501 5.1.3 ")]
    [InlineData("RCPT TO:<a b@x.test>", "501 5.1.3 ")]
    [InlineData("RCPT TO:<\"a\u0001\"@x.test>", "501 5.1.3 ")]
    [InlineData("AUTH PLAIN a b", "501 5.5.4 ")]
    public void What_is_wrong_is_told(string line, string reply) => Assert.StartsWith(reply, Problem(line), StringComparison.Ordinal);

    [Theory]
    [InlineData(254, true)]
    [InlineData(255, false)]
    public void A_path_has_256_octets_at_most(int octets, bool isTaken)
    {
        var label = new string('d', 60);
        var domain = string.Join('.', label, label, label);
        var address = new string('l', 64) + '@' + domain + '.';
        address += new string('e', octets - address.Length);

        Assert.Equal(isTaken, Parse($"RCPT TO:<{address}>") is SmtpCommand.Rcpt);
    }

    [Fact]
    public void Only_an_AUTH_line_may_be_longer_than_a_command()
    {
        Assert.StartsWith("500 5.5.2 ", Problem("NOOP " + new string('x', CommandParser.MaxOctets)), StringComparison.Ordinal);
        Assert.IsType<SmtpCommand.Auth>(Parse("AUTH PLAIN " + new string('x', CommandParser.MaxOctets)));
    }

    [Theory]
    [InlineData("BDAT 0", 0, false)]
    [InlineData("bdat 86 last", 86, true)]
    [InlineData("BDAT 00000000000000000001", 1, false)]
    [InlineData("BDAT 9223372036854775806 LAST", 9223372036854775800, true)]
    [InlineData("BDAT 99999999999999999999 LAST", long.MaxValue, true)]
    public void BDAT_says_how_many_octets_follow(string line, long octets, bool isLast)
    {
        var bdat = Assert.IsType<SmtpCommand.Bdat>(Parse(line));

        Assert.True(octets >= 9223372036854775800 ? bdat.Octets >= octets : bdat.Octets == octets);
        Assert.Equal(isLast, bdat.IsLast);
    }

    [Theory]
    [InlineData("AUTH PLAIN", "PLAIN", null)]
    [InlineData("AUTH plain =", "PLAIN", "=")]
    [InlineData("AUTH LOGIN dXNlcg==", "LOGIN", "dXNlcg==")]
    public void AUTH_names_a_mechanism(string line, string mechanism, string? response)
    {
        var auth = Assert.IsType<SmtpCommand.Auth>(Parse(line));

        Assert.Equal(mechanism, auth.Mechanism);
        Assert.Equal(response, auth.InitialResponse is null ? null : Encoding.ASCII.GetString(auth.InitialResponse));
        Assert.Equal($"AUTH {mechanism}", auth.ToString());
    }

    [Fact]
    public void A_line_in_pieces_reads_as_one()
    {
        const string Line = "RCPT TO:<\"ann smith\"@x.test> NOTIFY=NEVER";
        for (var i = 0; i <= Line.Length; i++)
        {
            Assert.IsType<SmtpCommand.Rcpt>(CommandParser.Parse(Octets.Of(Line[..i], Line[i..])));
        }
    }

    [Fact]
    public void No_line_throws()
    {
        const string Line = "MAIL FROM:<\"a\\\"b\"@[IPv6:::1]> SIZE=1 BODY=8BITMIME ENVID=a+2Bb AUTH=<>";
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var octets = Encoding.Latin1.GetBytes(Line)[..random.Next(Line.Length + 1)];
            for (var change = random.Next(4); change > 0 && octets.Length > 0; change--)
            {
                octets[random.Next(octets.Length)] = (byte)random.Next(1, 256);
            }

            Assert.NotNull(CommandParser.Parse(octets));
        }
    }

    private static SmtpCommand Parse(string line) => CommandParser.Parse(Encoding.Latin1.GetBytes(line));

    private static string Problem(string line) => Assert.IsType<SmtpCommand.Malformed>(Parse(line)).Reply.ToString();
}
