using System.Net.Sockets;
using System.Text;
using Relay.Intake.Smtp;
using Relay.Mail.Accounts;
using Relay.Mail.Events;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;
using Relay.Mail.Tokens;
using Relay.TestKit.Smtp;
using Relay.Tests.Feedback.Returns;
using Relay.Tests.Mail.Tokens;

namespace Relay.Tests.Intake.Smtp;

public sealed class InboundDoorTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_bounce_that_is_answered_with_250_is_an_event()
    {
        await using var door = await InboundDoor.StartAsync();
        var message = await door.Returns.DeliveredAsync("ann@there.test");

        await using var client = await door.GreetAsync();
        await client.Says("MAIL FROM:<>", expect: "250 2.1.0 ");
        await client.Says($"RCPT TO:<{door.AddressOf(message)}>", expect: "250 2.1.5 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw(Reports.Bounce("ann@there.test"));
        await client.Says(".", expect: "250 2.0.0 Ok: queued as ");

        Assert.Equal(RecipientState.Bounced, door.Returns.StateOf(message));
        await client.Says("QUIT", expect: "221 ");
    }

    [Fact]
    public async Task An_address_that_is_named_many_times_is_looked_at_once()
    {
        await using var door = await InboundDoor.StartAsync();
        await using var client = await door.GreetAsync();
        await client.Says("MAIL FROM:<ann@there.test>", expect: "250 ");
        for (var i = 0; i < 50; i++)
        {
            await client.Says("RCPT TO:<postmaster>", expect: "250 ");
        }

        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("Subject: hello\r\n\r\nhello\r\n");
        await client.Says(".", expect: "250 ");

        Assert.Single(await door.Returns.Store.ListAsideAsync(Cancellation));
    }

    [Fact]
    public async Task It_comes_by_chunks_as_well_and_several_in_a_session()
    {
        await using var door = await InboundDoor.StartAsync();
        await using var client = await door.GreetAsync();
        for (var i = 0; i < 3; i++)
        {
            var message = await door.Returns.DeliveredAsync("ann@there.test");
            var bounce = Reports.Bounce("ann@there.test");
            await client.Says("MAIL FROM:<>", expect: "250 ");
            await client.Says($"RCPT TO:<{door.AddressOf(message)}>", expect: "250 ");
            await client.SendsRaw($"BDAT {bounce.Length} LAST\r\n");
            await client.SendsRaw(bounce);
            await client.Expects("250 2.0.0 Ok: queued as ");
            Assert.Equal(RecipientState.Bounced, door.Returns.StateOf(message));
        }
    }

    [Theory]
    [InlineData("ann@there.test")]
    [InlineData("ann@mx.relay.test")]
    [InlineData("bounce@bounce.shop.test")]
    [InlineData("ann%there.test@mx.relay.test")]
    [InlineData("there.test!ann@mx.relay.test")]
    [InlineData("\"ann@there.test\"@mx.relay.test")]
    [InlineData("ann%there.test@bounce.shop.test")]
    [InlineData("\"ann@there.test\"@bounce.shop.test")]
    [InlineData("ann@[127.0.0.1]")]
    [InlineData("ann@[IPv6:::1]")]
    [InlineData("ann@[IPv6:::ffff:127.0.0.1]")]
    [InlineData("ann@localhost")]
    [InlineData("postmaster@there.test")]
    [InlineData("postmaster@[127.0.0.1]")]
    [InlineData("postmaster%there.test@mx.relay.test")]
    [InlineData("there.test!postmaster@mx.relay.test")]
    [InlineData("\"postmaster@there.test\"@mx.relay.test")]
    [InlineData("0000000000000000000000000000000000000000000000ab@bounce.shop.test")]
    public async Task Nobody_else_is_known_here_and_nothing_is_passed_on(string recipient)
    {
        await using var door = await InboundDoor.StartAsync();
        await using var client = await door.GreetAsync();

        await client.Says("MAIL FROM:<spam@there.test>", expect: "250 ");
        await client.Says($"RCPT TO:<{recipient}>", expect: "550 5.1.1 ");
        await client.Says("DATA", expect: "554 5.5.1 ");

        Assert.Empty(door.Returns.Queue.Accepted);
        Assert.Empty(door.Returns.Aside);
    }

    [Theory]
    [InlineData("@mx.relay.test,@b.test:ann@there.test", "553 5.1.3 ")]
    [InlineData("@there.test:postmaster@mx.relay.test", "553 5.1.3 ")]
    [InlineData("@mx.relay.test", "553 5.1.3 ")]
    [InlineData("there.test!ann", "501 5.1.3 ")]
    [InlineData("ann%there.test", "501 5.1.3 ")]
    [InlineData("\"ann@there.test\"", "501 5.1.3 ")]
    [InlineData("ann@", "501 5.1.3 ")]
    [InlineData("", "501 5.1.3 ")]
    public async Task A_path_that_hides_an_address_in_another_or_has_no_domain_is_refused(string path, string reply)
    {
        await using var door = await InboundDoor.StartAsync();
        await using var client = await door.GreetAsync();

        await client.Says("MAIL FROM:<spam@there.test>", expect: "250 ");
        await client.Says($"RCPT TO:<{path}>", expect: reply);
        await client.Says("DATA", expect: "554 5.5.1 ");

        Assert.Empty(door.Returns.Queue.Accepted);
        Assert.Empty(door.Returns.Aside);
    }

    [Fact]
    public async Task Nothing_that_is_said_before_makes_a_stranger_known()
    {
        await using var door = await InboundDoor.StartAsync();
        await using var client = await door.GreetAsync();

        foreach (var (before, reply) in new[] { ("AUTH PLAIN AGEAYg==", "502 "), ("RSET", "250 "), ("EHLO mx.relay.test", "250 "), ("HELO localhost", "250 ") })
        {
            await client.Says(before, expect: reply);
            await client.Says("MAIL FROM:<postmaster@mx.relay.test>", expect: "250 ");
            await client.Says("RCPT TO:<postmaster@mx.relay.test>", expect: "250 ");
            await client.Says("RCPT TO:<ann@there.test>", expect: "550 5.1.1 ");
        }

        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("Subject: hello\r\n\r\nhello\r\n");
        await client.Says(".", expect: "250 ");
        Assert.Equal("postmaster@mx.relay.test", Assert.Single(door.Returns.Aside).Recipient);
        Assert.Empty(door.Returns.Queue.Accepted);
    }

    [Fact]
    public async Task A_peer_whose_IPv4_address_comes_in_IPv6_is_no_nearer_than_any_other()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "this machine has no IPv6");
        await using var door = await InboundDoor.StartAsync(("Address", "::"));
        await using var client = await door.GreetAsync();

        await client.Says("MAIL FROM:<spam@there.test>", expect: "250 ");
        await client.Says("RCPT TO:<ann@there.test>", expect: "550 5.1.1 ");
        await client.Says("RCPT TO:<postmaster>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("Subject: hello\r\n\r\nhello\r\n");
        await client.Says(".", expect: "250 ");

        Assert.Equal("127.0.0.1", Assert.Single(door.Returns.Aside).Client);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Auto-Submitted: auto-replied\r\n")]
    public async Task Mail_between_two_of_our_own_return_paths_is_answered_by_nobody_and_changes_nothing(string field)
    {
        await using var door = await InboundDoor.StartAsync();
        var one = await door.Returns.DeliveredAsync("ann@there.test");
        var other = await door.Returns.DeliveredAsync("bob@there.test");
        await using var client = await door.GreetAsync();

        await door.SendAsync(client, door.AddressOf(one), $"{field}Subject: hello\r\n\r\nhello\r\n", [door.AddressOf(other)]);
        await door.SendAsync(client, door.AddressOf(other), $"{field}Subject: hello\r\n\r\nhello\r\n", [door.AddressOf(one)]);

        Assert.Equal(2, door.Returns.Queue.Accepted.Count);
        Assert.Empty(door.Returns.Store.Tellings);
        Assert.Equal((RecipientState.Delivered, RecipientState.Delivered), (door.Returns.StateOf(one), door.Returns.StateOf(other)));
    }

    [Fact]
    public async Task A_forged_bounce_among_good_ones_changes_nothing_and_is_answered_to_nobody()
    {
        await using var door = await InboundDoor.StartAsync();
        var message = await door.Returns.DeliveredAsync("ann@there.test");
        var token = door.AddressOf(message).Split('@')[0];
        // Another message's id under the signature of this one.
        var forged = token[..20] + (token[20] == 'a' ? 'b' : 'a') + token[21..];
        await using var client = await door.GreetAsync();

        await client.Says("MAIL FROM:<>", expect: "250 ");
        await client.Says($"RCPT TO:<{forged}@bounce.shop.test>", expect: "550 5.1.1 ");

        Assert.Empty(door.Returns.Store.Tellings);
        Assert.Equal(RecipientState.Delivered, door.Returns.StateOf(message));
        Assert.Single(door.Returns.Queue.Accepted);
    }

    [Fact]
    public async Task Who_guesses_addresses_is_parted_with()
    {
        await using var door = await InboundDoor.StartAsync(("MaxBadCommands", "5"));
        await using var client = await door.GreetAsync();
        await client.Says("MAIL FROM:<>", expect: "250 ");
        for (var guess = 1; guess < 5; guess++)
        {
            await client.Says($"RCPT TO:<guess{guess}@bounce.shop.test>", expect: "550 ");
        }

        await client.Says("RCPT TO:<guess5@bounce.shop.test>", expect: "550 ");
        await client.Expects("421 4.7.0 ");
        await client.ExpectsEnd();
    }

    [Fact]
    public async Task There_is_no_login_and_tls_is_offered_but_not_asked_for()
    {
        await using var door = await InboundDoor.StartAsync();
        await using var client = await SmtpConversation.ConnectAsync(door.EndPoint, Cancellation);
        await client.Expects("220 mx.relay.test ESMTP");

        var hello = await client.Says("EHLO mx.there.test", expect: "250 ");
        Assert.Contains("250-STARTTLS", hello, StringComparison.Ordinal);
        Assert.DoesNotContain("AUTH", hello, StringComparison.Ordinal);
        Assert.DoesNotContain("DSN", hello, StringComparison.Ordinal);
        await client.Says("AUTH PLAIN AGEAYg==", expect: "502 5.5.1 ");
        await client.Says("AUTH", expect: "502 5.5.1 ");

        await client.Says("STARTTLS", expect: "220 ");
        await client.Encrypts();
        hello = await client.Says("EHLO mx.there.test", expect: "250 ");
        Assert.DoesNotContain("AUTH", hello, StringComparison.Ordinal);
        Assert.DoesNotContain("STARTTLS", hello, StringComparison.Ordinal);
        await client.Says("MAIL FROM:<>", expect: "250 ");
    }

    [Theory]
    [InlineData("postmaster")]
    [InlineData("Postmaster")]
    [InlineData("postmaster@mx.relay.test")]
    [InlineData("POSTMASTER@bounce.shop.test")]
    [InlineData("abuse@mx.relay.test")]
    public async Task Whoever_runs_this_can_be_reached(string recipient)
    {
        await using var door = await InboundDoor.StartAsync();
        await using var client = await door.GreetAsync();

        await client.Says("MAIL FROM:<ann@there.test>", expect: "250 ");
        await client.Says($"RCPT TO:<{recipient}>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("From: ann@there.test\r\nSubject: Help\r\n\r\nHelp\r\n.\r\n");
        await client.Expects("250 ");

        var kept = Assert.Single(door.Returns.Aside);
        Assert.Equal(("ann@there.test", "127.0.0.1"), (kept.Sender, kept.Client));
        Assert.Contains("Subject: Help", Encoding.ASCII.GetString(kept.Content), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_larger_than_any_report_is_refused_when_it_says_so()
    {
        await using var door = await InboundDoor.StartAsync();
        await using var client = await door.GreetAsync();

        await client.Says("MAIL FROM:<> SIZE=104857600", expect: "552 5.3.4 ");
    }

    [Fact]
    public async Task A_hundred_megabytes_are_read_to_their_end_and_refused()
    {
        await using var door = await InboundDoor.StartAsync();
        var message = await door.Returns.DeliveredAsync("ann@there.test");
        await using var client = await door.GreetAsync();
        await client.Says("MAIL FROM:<>", expect: "250 ");
        await client.Says($"RCPT TO:<{door.AddressOf(message)}>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");

        await client.SendsRaw(Reports.Bounce("ann@there.test"));
        var lines = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(new string('x', 998) + "\r\n", 1_000)));
        for (var megabyte = 0; megabyte < 100; megabyte++)
        {
            await client.SendsRaw(lines);
        }

        await client.Says(".", expect: "552 5.3.4 ");
        Assert.Equal(RecipientState.Delivered, door.Returns.StateOf(message));
        Assert.Empty(door.Returns.Aside);
        await client.Says("RSET", expect: "250 ");
    }

    [Fact]
    public async Task Of_a_large_one_the_front_is_enough()
    {
        await using var door = await InboundDoor.StartAsync();
        var message = await door.Returns.DeliveredAsync("ann@there.test");
        await using var client = await door.GreetAsync();
        await client.Says("MAIL FROM:<>", expect: "250 ");
        await client.Says($"RCPT TO:<{door.AddressOf(message)}>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw(Reports.Bounce("ann@there.test"));
        var line = new string('x', 76) + "\r\n";
        await client.SendsRaw(string.Concat(Enumerable.Repeat(line, 2 * 1024 * 1024 / line.Length)));
        await client.Says(".", expect: "250 ");

        Assert.Equal(RecipientState.Bounced, door.Returns.StateOf(message));
    }

    [Theory]
    [InlineData(TellResult.StoreFull, "452 4.3.1 ")]
    [InlineData(TellResult.StoreUnavailable, "451 4.3.0 ")]
    public async Task Without_the_store_it_is_to_come_again(TellResult refusal, string expected)
    {
        await using var door = await InboundDoor.StartAsync();
        var message = await door.Returns.DeliveredAsync("ann@there.test");
        door.Returns.Store.Refusal = refusal;
        await using var client = await door.GreetAsync();
        await client.Says("MAIL FROM:<>", expect: "250 ");
        await client.Says($"RCPT TO:<{door.AddressOf(message)}>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw(Reports.Bounce("ann@there.test"));
        await client.Says(".", expect: expected);
    }

    [Fact]
    public async Task Mail_that_an_account_has_a_route_for_goes_into_the_queue_as_its_own()
    {
        await using var door = await InboundDoor.StartAsync();
        await door.AddRouteAsync("help.shop.test");
        await door.AddRouteAsync("bills@help.shop.test", forwardTo: "books@elsewhere.test");
        await using var client = await door.GreetAsync();

        await door.SendAsync(client, "ann@there.test", "a@help.shop.test", "b@help.shop.test");
        await door.SendAsync(client, "", "bills@help.shop.test");

        var (on, forwarded) = (door.Returns.Queue.Accepted[0], door.Returns.Queue.Accepted[1]);
        Assert.Equal(("shop", MessageSource.Inbound, MessageClass.Inbound, "Help"), (on.Account, on.Source, on.Class, on.Subject));
        Assert.Equal(0, UsedUp.By(on));
        Assert.Equal("ann@there.test", on.Envelope.Sender!.Text);
        Assert.Equal(["a@help.shop.test", "b@help.shop.test"], on.Envelope.Recipients.Select(r => r.Address.Text));
        Assert.Equal("Subject: Help\r\n\r\nHelp\r\n", Encoding.ASCII.GetString(on.Content.Head.Span));
        Assert.StartsWith("Received: from mx.there.test ([127.0.0.1])\r\n\tby mx.relay.test with ESMTP id ", Encoding.ASCII.GetString(on.Content.Prologue.Span), StringComparison.Ordinal);
        Assert.False(on.ReportsFailures);
        Assert.Null(forwarded.WireSender);
        Assert.Equal(["books@elsewhere.test"], forwarded.Envelope.Recipients.Select(r => r.Address.Text));
    }

    [Fact]
    public async Task A_large_one_for_a_route_is_kept_whole()
    {
        await using var door = await InboundDoor.StartAsync();
        await door.AddRouteAsync("help.shop.test");
        await using var client = await door.GreetAsync();
        var line = new string('x', 76) + "\r\n";
        var body = string.Concat(Enumerable.Repeat(line, 10_000));

        await door.SendAsync(client, "ann@there.test", $"Subject: Help\r\n\r\n{body}", ["a@help.shop.test"]);

        var message = Assert.Single(door.Returns.Queue.Accepted);
        var whole = new StringBuilder(Encoding.ASCII.GetString(message.Content.Head.Span));
        await foreach (var chunk in door.Contents.ReadChunksAsync(message, Cancellation))
        {
            whole.Append(Encoding.ASCII.GetString(chunk.Span));
        }

        Assert.Equal($"Subject: Help\r\n\r\n{body}", whole.ToString());
    }

    [Fact]
    public async Task What_goes_different_ways_comes_one_by_one()
    {
        await using var door = await InboundDoor.StartAsync();
        await door.AddRouteAsync("help.shop.test");
        await door.AddRouteAsync("bills@help.shop.test", forwardTo: "books@elsewhere.test");
        var message = await door.Returns.DeliveredAsync("ann@there.test");
        await using var client = await door.GreetAsync();

        await client.Says("MAIL FROM:<ann@there.test>", expect: "250 ");
        await client.Says("RCPT TO:<a@help.shop.test>", expect: "250 ");
        await client.Says("RCPT TO:<bills@help.shop.test>", expect: "452 4.5.3 ");
        await client.Says($"RCPT TO:<{door.AddressOf(message)}>", expect: "452 4.5.3 ");
        await client.Says("RCPT TO:<b@help.shop.test>", expect: "250 ");
    }

    [Theory]
    [InlineData("")]
    [InlineData("this is no field\r\n")]
    public async Task Mail_for_a_route_that_goes_round_is_refused(string below)
    {
        await using var door = await InboundDoor.StartAsync();
        await door.AddRouteAsync("help.shop.test", forwardTo: "a@help.shop.test");
        await using var client = await door.GreetAsync();
        var content = string.Concat(Enumerable.Repeat("Received: from a by b\r\n", 101)) + below + "\r\n";

        await client.Says("MAIL FROM:<ann@there.test>", expect: "250 ");
        await client.Says("RCPT TO:<a@help.shop.test>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw(content);
        await client.Says(".", expect: "554 5.4.6 ");
    }

    [Fact]
    public async Task A_route_of_an_account_that_lost_the_domain_takes_nothing()
    {
        await using var door = await InboundDoor.StartAsync();
        await door.AddRouteAsync("help.shop.test", forwardTo: "a@there.test");
        await door.AddRouteAsync("bills@help.shop.test", forwardTo: "b@there.test");
        await door.Accounts.RemoveDomainAsync("shop", "shop.test", Cancellation);
        await using var client = await door.GreetAsync();

        await client.Says("MAIL FROM:<ann@there.test>", expect: "250 ");
        await client.Says("RCPT TO:<a@help.shop.test>", expect: "550 5.1.1 ");
        await client.Says("RCPT TO:<bills@help.shop.test>", expect: "550 5.1.1 ");
    }

    [Fact]
    public async Task What_one_left_for_an_address_does_not_hide_the_route_of_who_has_the_domain_now()
    {
        await using var door = await InboundDoor.StartAsync();
        await door.AddRouteAsync("help.shop.test", forwardTo: "new@there.test");
        await door.AddRouteAsync("bills@help.shop.test", forwardTo: "old@there.test", account: "former");
        await using var client = await door.GreetAsync();

        await door.SendAsync(client, "ann@there.test", "bills@help.shop.test");

        var message = Assert.Single(door.Returns.Queue.Accepted);
        Assert.Equal(("shop", "new@there.test"), (message.Account, message.Envelope.Recipients[0].Address.Text));
    }

    [Fact]
    public async Task More_than_an_account_may_get_in_a_minute_is_to_come_again()
    {
        await using var door = await InboundDoor.StartAsync(("MaxRoutedBytesPerMinute", "65536"));
        using var counted = new CountedBy(door.Meters, "relay.routed");
        await door.AddRouteAsync("help.shop.test");
        await using var client = await door.GreetAsync();
        var content = $"Subject: Help\r\n\r\n{string.Concat(Enumerable.Repeat(new string('x', 76) + "\r\n", 512))}";
        await door.SendAsync(client, "ann@there.test", content, ["a@help.shop.test"]);

        await client.Says("MAIL FROM:<ann@there.test>", expect: "250 ");
        await client.Says("RCPT TO:<a@help.shop.test>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw(content);
        await client.Says(".", expect: "451 4.3.2 ");

        Assert.Single(door.Returns.Queue.Accepted);
        Assert.Equal(["Taken 1", "TooMuch 1"], counted.Tags);
    }

    [Fact]
    public async Task As_long_as_nobody_knows_whether_there_is_a_route_it_is_to_come_again()
    {
        await using var door = await InboundDoor.StartAsync();
        door.Routes.IsAway = true;
        await using var client = await door.GreetAsync();

        await client.Says("MAIL FROM:<ann@there.test>", expect: "250 ");
        await client.Says("RCPT TO:<a@help.shop.test>", expect: "451 4.3.0 ");
    }

    [Fact]
    public async Task One_address_gets_so_many_connections_and_no_more()
    {
        await using var door = await InboundDoor.StartAsync(("MaxConnectionsPerAddress", "2"));
        await using var first = await door.GreetAsync();
        await using var second = await door.GreetAsync();

        await using var third = await SmtpConversation.ConnectAsync(door.EndPoint, Cancellation);

        await third.Expects("421 4.7.0 ");
    }

    [Fact]
    public async Task Mail_to_many_who_have_a_route_each_is_taken_for_the_first_and_was_no_guessing()
    {
        await using var door = await InboundDoor.StartAsync(("MaxBadCommands", "5"));
        for (var i = 0; i < 10; i++)
        {
            await door.AddRouteAsync($"u{i}@help.shop.test", forwardTo: $"u{i}@elsewhere.test");
        }

        await using var client = await door.BeginAsync("u0@help.shop.test");
        for (var i = 1; i < 10; i++)
        {
            await client.Says($"RCPT TO:<u{i}@help.shop.test>", expect: "452 4.5.3 ");
        }

        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("Subject: Help\r\n\r\nHelp\r\n");
        await client.Says(".", expect: "250 2.0.0 Ok: queued as ");
        await door.SendAsync(client, "ann@there.test", "u1@help.shop.test");
    }

    [Fact]
    public async Task A_bounce_to_an_address_of_a_key_that_is_not_known_here_is_to_come_again()
    {
        await using var door = await InboundDoor.StartAsync(("MaxBadCommands", "2"));
        var message = await door.Returns.DeliveredAsync("ann@there.test");
        var address = door.AddressOf(message);
        await using var client = await door.GreetAsync();
        await client.Says("MAIL FROM:<>", expect: "250 ");

        // It cannot be opened here.
        door.Returns.Tokens.Use([MailTokensTests.Key(1)], 0);
        for (var i = 0; i < 5; i++)
        {
            await client.Says($"RCPT TO:<{address}>", expect: "451 4.3.0 ");
        }

        await client.Says("RCPT TO:<0000000000000000000000000000000000000000000000ab@bounce.shop.test>", expect: "550 5.1.1 ");

        // Nobody has made it.
        door.Returns.Tokens.Use([MailTokensTests.Key(1)]);
        await client.Says($"RCPT TO:<{address}>", expect: "550 5.1.1 ");
    }
}
