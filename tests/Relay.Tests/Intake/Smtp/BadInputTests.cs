using System.Text;

namespace Relay.Tests.Intake.Smtp;

/// <summary>What clients get wrong, or try: each gets its code, and the dialogue goes on.</summary>
public sealed class BadInputTests
{
    [Theory]
    [InlineData("GARBAGE", "500 5.5.1 ")]
    [InlineData("", "500 5.5.1 ")]
    [InlineData("   ", "500 5.5.1 ")]
    [InlineData("MAILFROM:<a@b.test>", "500 5.5.1 ")]
    [InlineData("GET / HTTP/1.1", "500 5.5.1 ")]
    [InlineData("EXPN list", "500 5.5.1 ")]
    [InlineData("MAIL a@sender.test", "501 5.5.4 ")]
    [InlineData("MAIL FROM:a@sender.test", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@sender.test", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@sender.test>SIZE=1", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a>", "501 5.1.7 ")]
    [InlineData("MAIL FROM:<a@>", "501 5.1.7 ")]
    [InlineData("MAIL FROM:<@a.test,@b.test:u@sender.test>", "553 5.1.7 ")]
    [InlineData("MAIL FROM:<a@sender.test> FOO=1", "555 5.5.4 ")]
    [InlineData("MAIL FROM:<a@sender.test> SIZE=1 SIZE=1", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@sender.test> SIZE=-1", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@sender.test> BODY=BINARYMIME", "501 5.5.4 ")]
    [InlineData("MAIL FROM:<a@sender.test> SIZE=99999999999999999999", "552 5.3.4 ")]
    [InlineData("MAIL FROM:<a@sender.test> SIZE=41943041", "552 5.3.4 ")]
    [InlineData("MAIL FROM:<caf\u00c3\u00a9@sender.test>", "553 5.6.7 ")]
    [InlineData("MAIL FROM:<a@caf\u00c3\u00a9.test>", "553 5.6.7 ")]
    [InlineData("MAIL FROM:<caf\u00e9@sender.test> SMTPUTF8", "553 5.6.7 ")]
    [InlineData("NOOP caf\u00c3\u00a9", "500 5.5.2 ")]
    [InlineData("R\u0080ET", "500 5.5.2 ")]
    [InlineData("NO\0OP", "500 5.5.2 ")]
    [InlineData("NOOP\0", "500 5.5.2 ")]
    [InlineData("NOOP\nNOOP", "500 5.5.2 ")]
    [InlineData("NOOP\rNOOP", "500 5.5.2 ")]
    [InlineData("NOOP\r", "500 5.5.2 ")]
    [InlineData("\nNOOP", "500 5.5.2 ")]
    [InlineData("STARTTLS", "502 5.5.1 ")]
    public async Task A_bad_command_gets_its_code_and_the_dialogue_goes_on(string command, string reply)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        await client.Says(command, expect: reply);
        await client.Says("NOOP", expect: "250 2.0.0 ");
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 2.1.0 ");
    }

    [Theory]
    [InlineData("RCPT TO:<>", "501 5.1.3 ")]
    [InlineData("RCPT TO:<ann>", "501 5.1.3 ")]
    [InlineData("RCPT TO:<ann@>", "501 5.1.3 ")]
    [InlineData("RCPT TO:<other.test!ann>", "501 5.1.3 ")]
    [InlineData("RCPT TO:<ann%other.test>", "501 5.1.3 ")]
    [InlineData("RCPT TO:<\"ann@other.test\">", "501 5.1.3 ")]
    [InlineData("RCPT TO:<ann@example..test>", "501 5.1.3 ")]
    [InlineData("RCPT TO:<@a.test,@b.test:u@example.test>", "553 5.1.3 ")]
    [InlineData("RCPT TO:<ann@example.test> NOTIFY=NEVER,FAILURE", "501 5.5.4 ")]
    [InlineData("RCPT TO:<ann@example.test> ORCPT=ann", "501 5.5.4 ")]
    [InlineData("RCPT TO:<ann@example.test> SIZE=1", "555 5.5.4 ")]
    [InlineData("RCPT TO:<caf\u00c3\u00a9@example.test>", "553 5.6.7 ")]
    [InlineData("RCPT FROM:<ann@example.test>", "501 5.5.4 ")]
    public async Task A_bad_recipient_gets_its_code_and_the_good_ones_go_on(string command, string reply)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says(command, expect: reply);
        await client.Says("DATA", expect: "554 5.5.1 ");
        await client.Says("RCPT TO:<bob@example.test>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.\r\n");
        await client.Expects("250 ");

        Assert.Equal("bob@example.test", Assert.Single(door.TheMessage.Envelope.Recipients).Address.Text);
    }

    [Theory]
    [InlineData("\"ann smith\"@example.test")]
    [InlineData("\"a>b\"@example.test")]
    [InlineData("\"a\\\"b\"@example.test")]
    [InlineData("\"u@other.test\"@example.test")]
    [InlineData("user%other.test@example.test")]
    [InlineData("other.test!user@example.test")]
    [InlineData("ann@[192.0.2.1]")]
    [InlineData("ann@[IPv6:2001:db8::1]")]
    [InlineData("ann@xn--caf-dma.test")]
    public async Task A_rare_but_right_recipient_is_kept_as_it_came(string address)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says($"RCPT TO:<{address}>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.\r\n");
        await client.Expects("250 ");

        Assert.Equal(address, Assert.Single(door.TheMessage.Envelope.Recipients).Address.Text);
    }

    [Fact]
    public async Task An_international_recipient_is_taken_with_SMTPUTF8()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        await client.Says("MAIL FROM:<shop@sender.test> SMTPUTF8", expect: "250 ");
        await client.Says("RCPT TO:<jos\u00c3\u00a9@caf\u00c3\u00a9.test>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.\r\n");
        await client.Expects("250 ");

        var address = Assert.Single(door.TheMessage.Envelope.Recipients).Address;
        Assert.Equal("jos\u00e9@caf\u00e9.test", address.Text);
        Assert.Equal("xn--caf-dma.test", address.Domain);
    }

    [Fact]
    public async Task A_line_of_100_kB_is_skipped_to_its_end()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        await client.Says(new string('x', 100_000), expect: "500 5.5.2 ");
        await client.Says("NOOP " + new string('x', 3_000), expect: "500 5.5.2 ");
        await client.Says("NOOP", expect: "250 ");
    }

    [Fact]
    public async Task Fifty_recipients_of_which_three_are_bad_reach_the_others()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        var group = new StringBuilder("MAIL FROM:<shop@sender.test>\r\n");
        for (var i = 0; i < 50; i++)
        {
            group.Append(i % 20 == 7 ? $"RCPT TO:<bad{i}@>\r\n" : $"RCPT TO:<u{i}@example.test>\r\n");
        }

        await client.SendsRaw(group.ToString());
        await client.Expects("250 ");
        for (var i = 0; i < 50; i++)
        {
            await client.Expects(i % 20 == 7 ? "501 5.1.3 " : "250 2.1.5 ");
        }

        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.\r\n");
        await client.Expects("250 ");
        Assert.Equal(47, door.TheMessage.Envelope.Recipients.Count);
    }

    [Theory]
    [InlineData("BDAT")]
    [InlineData("BDAT abc")]
    [InlineData("BDAT +5")]
    [InlineData("BDAT -5")]
    [InlineData("BDAT 0x10")]
    [InlineData("BDAT 5 FIRST")]
    [InlineData("BDAT 5 LAST LAST")]
    [InlineData("BDAT 999999999999999999999")]
    public async Task A_chunk_whose_size_cannot_be_read_ends_the_dialogue(string command)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");

        await client.SendsRaw(command + "\r\nMAIL FROM:<shop@sender.test>\r\n");
        await client.Expects("501 5.5.4 ");
        await client.ExpectsEnd();
    }

    [Theory]
    [InlineData("BDAT 99999999999 LAST")]
    [InlineData("BDAT 99999999999999999999")]
    public async Task A_chunk_of_absurd_size_ends_the_dialogue(string command)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");

        await client.Says(command, expect: "552 5.3.4 ");
        await client.ExpectsEnd();
        Assert.Empty(door.Queue.Accepted);
    }

    [Fact]
    public async Task A_content_that_ends_with_the_connection_leaves_nothing()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using (var client = await door.BeginContentAsync())
        {
            await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.\r");
        }

        await door.Log.WaitForAsync("is over", TestContext.Current.CancellationToken);
        Assert.Empty(door.Queue.Accepted);
    }

    [Fact]
    public async Task A_content_that_ends_with_the_sending_side_leaves_nothing()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.");
        client.StopsSending();
        await client.ExpectsEnd();
        Assert.Empty(door.Queue.Accepted);
    }

    [Fact]
    public async Task The_connection_test_of_Odoo_passes_and_is_no_fault()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using (var client = await door.LogInAsync())
        {
            await client.Says("MAIL FROM:<noreply@sender.test>", expect: "250 ");
            await client.Says("RCPT TO:<noreply@odoo.com>", expect: "250 ");
            await client.Says("DATA", expect: "354 ");
        }

        await door.Log.WaitForAsync("is over", TestContext.Current.CancellationToken);
        Assert.Empty(door.Queue.Accepted);
        Assert.All(door.Log.Lines, line => Assert.True(line.Level <= Microsoft.Extensions.Logging.LogLevel.Debug || !line.Text.Contains("content", StringComparison.Ordinal), line.Text));
        Assert.DoesNotContain(door.Log.Lines, line => line.Level >= Microsoft.Extensions.Logging.LogLevel.Warning);
    }

    [Theory]
    [InlineData(999)]
    [InlineData(5_000)]
    [InlineData(300_000)]
    public async Task A_long_line_in_a_content_is_kept_as_it_is(int length)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw($"From: shop@sender.test\r\n\r\n{new string('x', length)}\r\n.\r\n");
        await client.Expects("250 ");
        Assert.Equal(length + 28, door.TheMessage.Content.Length - door.TheMessage.Content.Prologue.Length);
    }

    [Fact]
    public async Task A_line_that_is_no_text_any_more_is_refused()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxLineBytes = 10_000);
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw($"From: shop@sender.test\r\n\r\n{new string('x', 9_999)}\r\n.\r\n");
        await client.Expects("550 5.6.0 ");
        await client.Says("NOOP", expect: "250 ");
        Assert.Empty(door.Queue.Accepted);
    }

    [Fact]
    public async Task Who_speaks_something_else_is_cut_off()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxBadCommands = 3);
        await using var client = await door.LogInAsync();

        await client.Says("GET / HTTP/1.1", expect: "500 ");
        await client.Says("Host: example.test", expect: "500 ");
        await client.Says("Accept: */*", expect: "500 ");
        await client.Expects("421 4.7.0 ");
        await client.ExpectsEnd();
    }

    [Fact]
    public async Task Who_never_logs_in_is_cut_off()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxCommandsBeforeLogin = 3);
        await using var client = await door.GreetAsync();

        await client.Says("NOOP", expect: "250 ");
        await client.Says("NOOP", expect: "250 ");
        await client.Says("NOOP", expect: "421 4.7.0 ");
        await client.ExpectsEnd();
    }
}
