using Relay.Mail.Queue;
using Relay.TestKit.Smtp;

namespace Relay.Tests.Intake.Smtp;

public sealed class LimitTests
{
    [Fact]
    public async Task A_content_over_the_limit_is_read_to_its_end_before_it_is_refused()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxMessageBytes = 65_536);
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw($"From: shop@sender.test\r\n\r\n{Lines(70_000)}.\r\nNOOP\r\n");
        await client.Expects("552 5.3.4 ");
        await client.Expects("250 2.0.0 Ok");
        Assert.Empty(door.Queue.Accepted);
    }

    [Fact]
    public async Task A_content_of_just_the_limit_is_taken()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxMessageBytes = 65_536);
        await using var client = await door.BeginContentAsync();

        const string Header = "From: shop@sender.test\r\n\r\n";
        await client.SendsRaw($"{Header}{new string('x', 65_536 - Header.Length - 2)}\r\n.\r\n");
        await client.Expects("250 2.0.0 Ok: queued as ");
    }

    [Fact]
    public async Task A_content_of_absurd_size_ends_the_dialogue()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxMessageBytes = 65_536);
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw(Lines(140_000));
        await client.Expects("552 5.3.4 ");
        await client.ExpectsEnd();
    }

    [Fact]
    public async Task The_recipients_beyond_the_limit_are_for_another_transaction()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxRecipients = 2);
        await using var client = await door.LogInAsync();

        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<a@example.test>", expect: "250 ");
        await client.Says("RCPT TO:<b@example.test>", expect: "250 ");
        await client.Says("RCPT TO:<c@example.test>", expect: "452 4.5.3 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("From: shop@sender.test\r\n\r\n.\r\n");
        await client.Expects("250 ");
        Assert.Equal(2, door.TheMessage.Envelope.Recipients.Count);
    }

    [Fact]
    public async Task One_address_has_so_many_places_and_gets_them_back()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxConnectionsPerAddress = 2);
        await using var one = await door.GreetAsync();
        await using var two = await door.GreetAsync(door.StartTls);

        await using (var three = await door.ConnectAsync())
        {
            await three.Expects("421 4.7.0 ");
            await three.ExpectsEnd();
        }

        await one.Says("QUIT", expect: "221 ");
        await one.ExpectsEnd();
        await door.Log.WaitForAsync("is over", TestContext.Current.CancellationToken);
        await using var four = await door.GreetAsync();
        await four.Says("NOOP", expect: "250 ");
    }

    [Fact]
    public async Task All_doors_together_have_so_many_places_and_get_them_back()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxConnections = 3);
        var crowd = new List<SmtpConversation>();
        for (var i = 0; i < 3; i++)
        {
            crowd.Add(await door.GreetAsync(i == 0 ? door.StartTls : door.ClearText));
        }

        for (var i = 0; i < 3; i++)
        {
            await using var tooMany = await door.ConnectAsync();
            await tooMany.Expects("421 4.7.0 ");
            await tooMany.ExpectsEnd();
        }

        foreach (var client in crowd)
        {
            await client.Says("QUIT", expect: "221 ");
            await client.ExpectsEnd();
            await client.DisposeAsync();
        }

        await door.Log.WaitForAsync("is over", TestContext.Current.CancellationToken, times: 3);
        for (var i = 0; i < 3; i++)
        {
            await using var later = await door.BeginContentAsync();
            await later.SendsRaw("From: shop@sender.test\r\n\r\n.\r\n");
            await later.Expects("250 ");
            await later.Says("QUIT", expect: "221 ");
            await later.ExpectsEnd();
        }
    }

    [Theory]
    [InlineData(true, "452 4.3.1 ")]
    [InlineData(false, "451 4.3.0 ")]
    public async Task A_store_that_does_not_take_it_is_a_reason_to_try_again(bool full, string reply)
    {
        await using var door = await DoorUnderTest.StartAsync();
        door.Queue.Refusal = full ? new EnqueueResult.StoreFull("full") : new EnqueueResult.StoreUnavailable("away");
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw("From: shop@sender.test\r\n\r\n.\r\n");
        await client.Expects(reply);
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
    }

    [Theory]
    [InlineData("Subject: no author\r\n\r\n", "550 5.6.0 ")]
    [InlineData("From: a@sender.test\r\nFrom: b@sender.test\r\n\r\n", "550 5.6.0 ")]
    public async Task A_header_that_is_unsound_is_refused(string header, string reply)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw($"{header}body\r\n.\r\n");
        await client.Expects(reply);
        await client.Says("NOOP", expect: "250 ");
    }

    [Fact]
    public async Task A_message_that_has_seen_a_hundred_servers_is_going_in_circles()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw(string.Concat(Enumerable.Repeat("Received: from a by b; Mon, 01 Jan 2024 00:00:00 +0000\r\n", 101)) + "From: a@sender.test\r\n\r\n.\r\n");
        await client.Expects("554 5.4.6 ");
    }

    [Fact]
    public async Task Five_hundred_idle_clients_keep_nobody_out()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxConnectionsPerAddress = 1_000);
        var idle = new List<SmtpConversation>();
        try
        {
            for (var i = 0; i < 500; i++)
            {
                idle.Add(await door.ConnectAsync());
            }

            await using var client = await door.BeginContentAsync();
            await client.SendsRaw("From: shop@sender.test\r\n\r\n.\r\n");
            await client.Expects("250 ");
        }
        finally
        {
            foreach (var client in idle)
            {
                await client.DisposeAsync();
            }
        }
    }

    private static string Lines(int octets) => string.Concat(Enumerable.Repeat(new string('x', 98) + "\r\n", octets / 100));
}
