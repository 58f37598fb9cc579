namespace Relay.Tests.Intake.Smtp;

public sealed class ChunkingTests
{
    [Fact]
    public async Task Chunks_make_one_content_in_which_a_dot_is_a_dot()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await TransactAsync(door);

        await client.SendsRaw("BDAT 24\r\nFrom: shop@sender.test\r\n");
        await client.Expects("250 2.0.0 24 octets");
        await client.SendsRaw("BDAT 3\r\n\r\n.BDAT 2\r\n\r\nBDAT 0\r\nBDAT 4 LAST\r\n..\r\n");
        await client.Expects("250 2.0.0 3 octets");
        await client.Expects("250 2.0.0 2 octets");
        await client.Expects("250 2.0.0 0 octets");
        await client.Expects("250 2.0.0 Ok: queued as ");

        Assert.Equal("From: shop@sender.test\r\n\r\n.\r\n..\r\n", door.TheContent);
    }

    [Fact]
    public async Task A_content_may_come_in_one_flight_with_its_envelope()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        const string One = "MAIL FROM:<shop@sender.test>\r\nRCPT TO:<ann@example.test>\r\nBDAT 26 LAST\r\nFrom: shop@sender.test\r\n\r\n";
        await client.SendsRaw(One + One + "QUIT\r\n");
        for (var i = 0; i < 2; i++)
        {
            await client.Expects("250 2.1.0 ");
            await client.Expects("250 2.1.5 ");
            await client.Expects("250 2.0.0 Ok: queued as ");
        }

        await client.Expects("221 ");
    }

    [Fact]
    public async Task A_refused_chunk_is_read_to_its_last_octet_and_all_is_dropped_until_RSET()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await TransactAsync(door);

        await client.SendsRaw("BDAT 10\r\na\nMAIL FRO");
        await client.Expects("550 5.6.0 ");
        await client.SendsRaw("BDAT 12 LAST\r\nQUIT\r\nQUIT\r\n");
        await client.Expects("503 5.5.1 ");
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "503 5.5.1 ");
        await client.Says("DATA", expect: "503 5.5.1 ");
        await client.Says("RSET", expect: "250 ");
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        Assert.Empty(door.Queue.Accepted);
    }

    [Fact]
    public async Task A_chunk_without_recipients_is_read_and_refused()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();

        await client.SendsRaw("BDAT 6 LAST\r\nQUIT\r\n");
        await client.Expects("503 5.5.1 ");
        await client.SendsRaw("MAIL FROM:<shop@sender.test>\r\nBDAT 6 LAST\r\nQUIT\r\n");
        await client.Expects("250 ");
        await client.Expects("554 5.5.1 ");
        await client.Says("NOOP", expect: "250 ");
    }

    [Fact]
    public async Task A_chunk_before_a_login_is_read_and_refused()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.GreetAsync();

        await client.SendsRaw("BDAT 6 LAST\r\nQUIT\r\n");
        await client.Expects("530 5.7.0 ");
        await client.Says("NOOP", expect: "250 ");
    }

    [Fact]
    public async Task DATA_and_BDAT_do_not_mix()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await TransactAsync(door);

        await client.SendsRaw("BDAT 2\r\nFr");
        await client.Expects("250 ");
        await client.Says("DATA", expect: "503 5.5.1 ");
        await client.Says("RCPT TO:<bob@example.test>", expect: "503 5.5.1 ");
        await client.Says("MAIL FROM:<a@sender.test>", expect: "503 5.5.1 ");
        await client.SendsRaw("BDAT 24 LAST\r\nom: shop@sender.test\r\n\r\n");
        await client.Expects("250 2.0.0 Ok: queued as ");
    }

    [Fact]
    public async Task RSET_between_chunks_forgets_them()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await TransactAsync(door);

        await client.SendsRaw("BDAT 2\r\nXX");
        await client.Expects("250 ");
        await client.Says("RSET", expect: "250 ");
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");
        await client.SendsRaw("BDAT 26 LAST\r\nFrom: shop@sender.test\r\n\r\n");
        await client.Expects("250 2.0.0 Ok: queued as ");
        Assert.Equal("From: shop@sender.test\r\n\r\n", door.TheContent);
    }

    [Fact]
    public async Task A_CR_may_wait_for_its_LF_in_the_next_chunk_but_not_for_ever()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await TransactAsync(door);

        await client.SendsRaw("BDAT 23\r\nFrom: shop@sender.test\rBDAT 3 LAST\r\n\n\r\n");
        await client.Expects("250 ");
        await client.Expects("250 2.0.0 Ok: queued as ");

        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");
        await client.SendsRaw("BDAT 25 LAST\r\nFrom: shop@sender.test\r\n\r");
        await client.Expects("550 5.6.0 ");
    }

    [Fact]
    public async Task A_chunk_over_the_limit_is_read_and_refused()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxMessageBytes = 65_536);
        await using var client = await TransactAsync(door);

        await client.SendsRaw($"BDAT 65537 LAST\r\n{new string('x', 65_537)}");
        await client.Expects("552 5.3.4 ");
        await client.Says("NOOP", expect: "250 ");
        Assert.Empty(door.Queue.Accepted);
    }

    private static async Task<Relay.TestKit.Smtp.SmtpConversation> TransactAsync(DoorUnderTest door)
    {
        var client = await door.LogInAsync();
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");
        return client;
    }
}
