using CsCheck;
using Relay.Smtp.Addresses;

namespace Relay.Tests.Smtp.Addresses;

public sealed class EnvelopeAddressTests
{
    [Theory]
    [InlineData("user@example.com", "user", "example.com")]
    [InlineData("User.Name+tag@Example.COM", "User.Name+tag", "example.com")]
    [InlineData("\"u@x\"@us.test", "\"u@x\"", "us.test")]
    [InlineData("\"quoted \\\" pair\"@us.test", "\"quoted \\\" pair\"", "us.test")]
    [InlineData("u%x@us.test", "u%x", "us.test")]
    [InlineData("u!x@us.test", "u!x", "us.test")]
    [InlineData("user@[192.0.2.1]", "user", "[192.0.2.1]")]
    [InlineData("user@[IPv6:2001:db8::1]", "user", "[ipv6:2001:db8::1]")]
    [InlineData("user@localhost", "user", "localhost")]
    [InlineData("a@bücher.example", "a", "xn--bcher-kva.example")]
    [InlineData("δοκιμή@παράδειγμα.test", "δοκιμή", "xn--hxajbheg2az3al.test")]
    public void A_good_address_keeps_its_local_part_and_gets_a_domain_for_look_ups(string text, string localPart, string domain)
    {
        Assert.True(EnvelopeAddress.TryParse(text, out var address, out var problem), problem);

        Assert.Equal(localPart, address.LocalPart);
        Assert.Equal(domain, address.Domain);
        Assert.Equal(text, address.Text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("@")]
    [InlineData("user")]
    [InlineData("user@")]
    [InlineData("@example.com")]
    [InlineData("@a,@b:u@x")]
    [InlineData(".user@example.com")]
    [InlineData("user.@example.com")]
    [InlineData("us..er@example.com")]
    [InlineData("us er@example.com")]
    [InlineData("user@exa mple.com")]
    [InlineData("user@-example.com")]
    [InlineData("user@example.com.")]
    [InlineData("user@example..com")]
    [InlineData("user@exam_ple.com")]
    [InlineData("\"open@example.com")]
    [InlineData("\"line\r\nbreak\"@example.com")]
    [InlineData("user\r\nRCPT TO:<x@y>@example.com")]
    [InlineData("user@example.com\r\n")]
    [InlineData("user@example.com\0")]
    [InlineData("a\u2028b@example.com")]
    [InlineData("a\u0085b@example.com")]
    [InlineData("user<x@example.com")]
    [InlineData("user>x@example.com")]
    [InlineData("a@b@example.com")]
    [InlineData("user@[999.1.1.1]")]
    [InlineData("user@[1.2.3]")]
    [InlineData("user@[IPv6:nonsense]")]
    [InlineData("user@[192.0.2.1")]
    public void A_bad_address_is_refused_with_words_that_say_why(string text)
    {
        Assert.False(EnvelopeAddress.TryParse(text, out _, out var problem));
        Assert.NotEmpty(problem);
    }

    [Fact]
    public void The_limits_count_octets_not_characters()
    {
        Assert.True(EnvelopeAddress.TryParse(new string('a', 64) + "@example.com", out _));
        Assert.False(EnvelopeAddress.TryParse(new string('a', 65) + "@example.com", out _));
        Assert.True(EnvelopeAddress.TryParse(new string('é', 32) + "@example.com", out _));
        Assert.False(EnvelopeAddress.TryParse(new string('é', 33) + "@example.com", out _));
        Assert.False(EnvelopeAddress.TryParse("a@" + string.Join('.', Enumerable.Repeat("abcdefghi", 30)), out _));
    }

    [Fact]
    public void Only_the_domain_is_compared_without_case()
    {
        Assert.Equal(EnvelopeAddress.Parse("a@EXAMPLE.com"), EnvelopeAddress.Parse("a@example.COM"));
        Assert.NotEqual(EnvelopeAddress.Parse("A@example.com"), EnvelopeAddress.Parse("a@example.com"));
    }

    [Fact]
    public void An_international_domain_alone_can_be_written_without_SMTPUTF8()
    {
        var address = EnvelopeAddress.Parse("a@bücher.example");

        Assert.True(address.NeedsSmtpUtf8);
        Assert.Equal("a@xn--bcher-kva.example", address.AsciiDomainText);
    }

    [Fact]
    public void Nothing_that_is_taken_can_break_out_of_a_command() =>
        Gen.String[Gen.Char["ab@.\"\\<> \r\n\0\u2028é,:[]"], 0, 40].Sample(text =>
        {
            if (!EnvelopeAddress.TryParse(text, out var address))
            {
                return;
            }

            Assert.DoesNotContain(address.Text, c => c is '\r' or '\n' or '\0' or '\u2028');
            if (address.LocalPart[0] != '"')
            {
                Assert.DoesNotContain(address.Text, c => c is '<' or '>' or ' ');
            }
        });
}
