namespace Relay.Tests.Intake.Smtp;

public sealed class DialogueTests
{
    [Fact]
    public async Task A_message_goes_through_and_its_id_is_told()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw("From: shop@sender.test\r\nSubject: hi\r\n\r\nbody\r\n..dots\r\n.\r\n");
        var reply = await client.Expects("250 2.0.0 Ok: queued as ");
        await client.Says("QUIT", expect: "221 2.0.0 ");
        await client.ExpectsEnd();

        Assert.Equal($"250 2.0.0 Ok: queued as {door.TheMessage.Id}", reply);
        Assert.Equal("From: shop@sender.test\r\nSubject: hi\r\n\r\nbody\r\n.dots\r\n", door.TheContent);
        Assert.Equal("shop@sender.test", door.TheMessage.Envelope.Sender?.Text);
        Assert.Equal("ann@example.test", Assert.Single(door.TheMessage.Envelope.Recipients).Address.Text);
    }

    [Fact]
    public async Task The_trace_line_says_who_and_how_and_names_no_recipient()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.\r\n");
        await client.Expects("250 ");

        Assert.StartsWith(
            $"Received: from client.test ([127.0.0.1])\r\n\tby mx.relay.test with ESMTPA id {door.TheMessage.Id};\r\n\t",
            door.ThePrologue,
            StringComparison.Ordinal);
        Assert.DoesNotContain("ann@example.test", door.ThePrologue, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EHLO_lists_what_holds_before_TLS()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.ConnectAsync(door.StartTls);

        await client.Expects("220 mx.relay.test ESMTP ");
        var reply = await client.Says("EHLO client.test", expect: "250 DSN");

        Assert.Equal(
            ["250-mx.relay.test", "250-STARTTLS", "250-PIPELINING", "250-SIZE 41943040", "250-8BITMIME", "250-SMTPUTF8", "250-ENHANCEDSTATUSCODES", "250-CHUNKING", "250 DSN"],
            reply.Split('\n'));
    }

    [Fact]
    public async Task EHLO_lists_one_line_of_mechanisms_where_a_login_may_be_tried()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.ConnectAsync();

        await client.Expects("220 ");
        var reply = await client.Says("EHLO client.test", expect: "250 ");

        Assert.Contains("\n250-AUTH PLAIN LOGIN\n", reply, StringComparison.Ordinal);
        Assert.DoesNotContain("STARTTLS", reply, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("MY_PC")]
    [InlineData("[127.0.0.1]")]
    [InlineData("[IPv6:::1]")]
    [InlineData("a name with blanks")]
    [InlineData("caf\u00e9.test")]
    [InlineData("(comment)\t\u0001\"<>;")]
    public async Task No_name_of_a_client_is_refused(string name)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.ConnectAsync();
        await client.Expects("220 ");
        await client.Says($"EHLO {name}", expect: "250 ");
        await client.Says($"AUTH PLAIN {DoorUnderTest.Plain(DoorUnderTest.Key)}", expect: "235 ");
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.\r\n");
        await client.Expects("250 ");

        var from = door.ThePrologue[..door.ThePrologue.IndexOf("\r\n\tby", StringComparison.Ordinal)];
        Assert.Matches(@"^Received: from [A-Za-z0-9.\-_\[\]:?]+ \(\[127\.0\.0\.1\]\)$", from);
    }

    [Fact]
    public async Task The_verbs_that_change_nothing_are_answered_at_any_time()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.ConnectAsync();

        await client.Expects("220 ");
        await client.Says("NOOP", expect: "250 2.0.0 ");
        await client.Says("noop with words", expect: "250 2.0.0 ");
        await client.Says("HELP", expect: "214 2.0.0 ");
        await client.Says("VRFY ann", expect: "252 2.");
        await client.Says("VRFY", expect: "501 5.5.4 ");
        await client.Says("RSET", expect: "250 2.0.0 ");
        await client.Says("RSET now", expect: "501 5.5.4 ");
        await client.Says("HELO", expect: "501 5.5.4 ");
        await client.Says("HELO client.test", expect: "250 mx.relay.test");
    }

    [Fact]
    public async Task Commands_out_of_order_are_refused_and_the_dialogue_goes_on()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.ConnectAsync();

        await client.Expects("220 ");
        await client.Says("MAIL FROM:<a@sender.test>", expect: "503 5.5.1 ");
        await client.Says("AUTH PLAIN", expect: "503 5.5.1 ");
        await client.Says("EHLO client.test", expect: "250 ");
        await client.Says("MAIL FROM:<a@sender.test>", expect: "530 5.7.0 ");
        await client.Says("RCPT TO:<a@example.test>", expect: "530 5.7.0 ");
        await client.Says($"AUTH PLAIN {DoorUnderTest.Plain(DoorUnderTest.Key)}", expect: "235 2.7.0 ");
        await client.Says("AUTH PLAIN", expect: "503 5.5.1 ");
        await client.Says("RCPT TO:<a@example.test>", expect: "503 5.5.1 ");
        await client.Says("DATA", expect: "503 5.5.1 ");
        await client.Says("MAIL FROM:<a@sender.test>", expect: "250 2.1.0 ");
        await client.Says("MAIL FROM:<a@sender.test>", expect: "503 5.5.1 ");
        await client.Says("DATA", expect: "554 5.5.1 ");
        await client.Says("RCPT TO:<a@example.test>", expect: "250 2.1.5 ");
        await client.Says("AUTH PLAIN", expect: "503 5.5.1 ");
        await client.Says("RSET", expect: "250 2.0.0 ");
        await client.Says("RCPT TO:<a@example.test>", expect: "503 5.5.1 ");
        await client.Says("MAIL FROM:<a@sender.test>", expect: "250 2.1.0 ");
        await client.Says("EHLO client.test", expect: "250 ");
        await client.Says("RCPT TO:<a@example.test>", expect: "503 5.5.1 ");
    }

    [Fact]
    public async Task The_envelope_arrives_with_all_its_parameters()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        await client.Says("MAIL FROM:<shop@sender.test> SIZE=100 BODY=8BITMIME SMTPUTF8 AUTH=<> RET=HDRS ENVID=order+2B1", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Ann+2Bx@example.test", expect: "250 ");
        await client.Says("RCPT TO:<bob@example.test> NOTIFY=NEVER", expect: "250 ");
        await client.Says("RCPT TO:<cid@example.test>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("From: shop@sender.test\r\n\r\nb\u00c3\u00a9\r\n.\r\n");
        await client.Expects("250 ");

        var envelope = door.TheMessage.Envelope;
        Assert.True(envelope.EightBitMime);
        Assert.True(envelope.SmtpUtf8);
        Assert.True(door.TheMessage.Content.HasEightBit);
        Assert.Equal(Relay.Mail.Messages.DsnReturn.Headers, envelope.Return);
        Assert.Equal("order+1", envelope.EnvelopeId);
        Assert.Equal(Relay.Mail.Messages.DsnNotify.Success | Relay.Mail.Messages.DsnNotify.Delay, envelope.Recipients[0].Notify);
        Assert.Equal("rfc822;Ann+x@example.test", envelope.Recipients[0].OriginalRecipient);
        Assert.Equal(Relay.Mail.Messages.DsnNotify.Never, envelope.Recipients[1].Notify);
        Assert.Null(envelope.Recipients[2].Notify);
        Assert.Contains("with UTF8SMTPA id ", door.ThePrologue, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_null_sender_stays_null()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        await client.Says("MAIL FROM:<>", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.\r\n");
        await client.Expects("250 ");

        Assert.Null(door.TheMessage.Envelope.Sender);
    }

    [Fact]
    public async Task Many_messages_go_over_one_connection()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        for (var i = 0; i < 50; i++)
        {
            await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
            await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");
            await client.Says("DATA", expect: "354 ");
            await client.SendsRaw($"From: shop@sender.test\r\n\r\n{i}\r\n.\r\n");
            await client.Expects("250 ");
        }

        Assert.Equal(50, door.Queue.Accepted.Count);
        Assert.Equal(50, door.Queue.Accepted.Select(m => m.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_pipelined_group_is_answered_in_order()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        await client.SendsRaw("MAIL FROM:<shop@sender.test>\r\nRCPT TO:<ann@example.test>\r\nRCPT TO:<bad>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n");
        await client.Expects("250 2.1.0 ");
        await client.Expects("250 2.1.5 ");
        await client.Expects("501 5.1.3 ");
        await client.Expects("250 2.1.5 ");
        await client.Expects("354 ");
        // Behind the end of a content the next group may follow at once.
        await client.SendsRaw("From: shop@sender.test\r\n\r\nbody\r\n.\r\nMAIL FROM:<shop@sender.test>\r\nRSET\r\nQUIT\r\n");
        await client.Expects("250 2.0.0 Ok: queued as ");
        await client.Expects("250 2.1.0 ");
        await client.Expects("250 2.0.0 ");
        await client.Expects("221 2.0.0 ");
        await client.ExpectsEnd();

        Assert.Equal(2, door.TheMessage.Envelope.Recipients.Count);
    }

    [Fact]
    public async Task A_group_that_comes_octet_by_octet_is_answered_alike()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        foreach (var octet in "MAIL FROM:<shop@sender.test>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n")
        {
            await client.SendsRaw(octet.ToString());
        }

        await client.Expects("250 2.1.0 ");
        await client.Expects("250 2.1.5 ");
        await client.Expects("354 ");
        foreach (var octet in "From: shop@sender.test\r\n\r\n..\r\n.\r\n")
        {
            await client.SendsRaw(octet.ToString());
        }

        await client.Expects("250 2.0.0 Ok: queued as ");
        Assert.Equal("From: shop@sender.test\r\n\r\n.\r\n", door.TheContent);
    }

    [Theory]
    [InlineData("EHLO client.test\r\nNOOP\r\n")]
    [InlineData("AUTH PLAIN\r\nNOOP\r\n")]
    [InlineData("AUTH LOGIN\r\ncmVsYXk=\r\n")]
    public async Task What_comes_behind_a_command_that_ends_a_group_closes_the_connection(string group)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync();

        await client.SendsRaw(group);
        await client.Expects("554 5.5.0 ");
        await client.ExpectsEnd();
    }

    [Fact]
    public async Task A_content_sent_before_it_was_asked_for_is_not_taken()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        await client.SendsRaw("MAIL FROM:<shop@sender.test>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\nFrom: shop@sender.test\r\n\r\nbody\r\n.\r\n");
        await client.Expects("250 2.1.0 ");
        await client.Expects("250 2.1.5 ");
        await client.Expects("554 5.5.0 ");
        await client.ExpectsEnd();

        Assert.Empty(door.Queue.Accepted);
    }

    [Fact]
    public async Task A_refused_sender_is_told_what_to_verify_and_where()
    {
        await using var door = await DoorUnderTest.StartAsync(verifiedDomains: true);
        await using var client = await door.LogInAsync();

        var reply = await client.Says("MAIL FROM:<shop@sender.test>", expect: "550 5.7.1 Sender address rejected: ");
        Assert.Contains("sender.test", reply, StringComparison.Ordinal);
        Assert.Contains("/domains", reply, StringComparison.Ordinal);
        await client.Says("MAIL FROM:<>", expect: "250 ");
    }
}
