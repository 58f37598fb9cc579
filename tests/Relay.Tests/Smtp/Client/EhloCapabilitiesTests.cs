using Relay.Smtp.Client;
using Relay.Smtp.Replies;

namespace Relay.Tests.Smtp.Client;

public sealed class EhloCapabilitiesTests
{
    [Fact]
    public void What_is_offered_is_known_in_any_case_and_what_is_not_is_not()
    {
        var offered = Parse("mx.test", "pipelining", "8BITMIME", "SmtpUtf8", "DSN", "STARTTLS", "CHUNKING", "XCLIENT NAME");

        Assert.Equal(
            new EhloCapabilities { Pipelining = true, EightBitMime = true, SmtpUtf8 = true, Dsn = true, StartTls = true, Chunking = true },
            offered);
    }

    [Theory]
    [InlineData("SIZE 1000", 1000L)]
    [InlineData("SIZE", null)]
    [InlineData("SIZE 0", null)]
    [InlineData("SIZE -5", null)]
    [InlineData("SIZE 99999999999999999999", null)]
    public void A_size_without_a_good_number_is_no_limit(string line, long? limit)
    {
        var offered = Parse("mx.test", line);

        Assert.True(offered.Size);
        Assert.Equal(limit, offered.MaxSize);
    }

    [Theory]
    [InlineData("AUTH PLAIN LOGIN")]
    [InlineData("AUTH=PLAIN LOGIN")]
    public void Login_mechanisms_are_read_in_both_spellings(string line)
    {
        var offered = Parse("mx.test", line);

        Assert.True(offered.AuthPlain && offered.AuthLogin);
    }

    [Fact]
    public void Limits_are_obeyed_where_they_make_sense()
    {
        var offered = Parse("mx.test", "LIMITS RCPTMAX=20 MAILMAX=0 RCPTDOMAINMAX=1");

        Assert.Equal((20, (int?)null), (offered.MaxRecipients, offered.MaxMessages));
    }

    [Fact]
    public void The_greeting_line_is_no_capability()
    {
        Assert.Equal(EhloCapabilities.None, Parse("PIPELINING"));
    }

    private static EhloCapabilities Parse(params string[] lines) => EhloCapabilities.Parse(new SmtpReply(250, null, lines));
}
