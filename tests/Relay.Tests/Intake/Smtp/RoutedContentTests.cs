using Microsoft.Extensions.Time.Testing;
using Relay.Intake.Smtp;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.Smtp;

namespace Relay.Tests.Intake.Smtp;

/// <summary>What strangers send for a route fills the store no further than a whole mail of theirs would be taken, before its end as behind it.</summary>
public sealed class RoutedContentTests
{
    private const string Header = "Subject: Help\r\n\r\n";
    private const int Chunk = MessageContent.ChunkBytes;

    private static readonly Uri Webhook = new("https://erp.shop.test/mail");

    [Fact]
    public async Task No_more_is_kept_of_unfinished_mail_than_the_account_may_get()
    {
        await using var door = await InboundDoor.StartAsync(("MaxRoutedBytesPerMinute", $"{4 * Chunk}"));
        await door.AddRouteAsync("help.shop.test");
        await using var first = await door.BeginAsync("a@help.shop.test");
        await SendsChunk(first, 2 * Chunk + 1, expect: "250 ");
        await using var second = await door.BeginAsync("b@help.shop.test");

        await SendsChunk(second, 20 * Chunk, expect: "451 4.3.2 ");

        Assert.Equal((1, 4), (door.Contents.Count, door.Contents.MostKept));

        // What was refused is given back: there is room for what comes after it.
        await SendsChunk(first, Chunk, expect: "250 ");
        await first.Says("BDAT 0 LAST", expect: "250 2.0.0 Ok: queued as ");
        await second.Says("RSET", expect: "250 ");
        await door.SendAsync(second, "ann@there.test", "b@help.shop.test");
        Assert.Equal(2, door.Returns.Queue.Accepted.Count);
    }

    [Fact]
    public async Task A_mail_larger_than_what_the_account_may_get_is_taken_while_there_is_no_other()
    {
        await using var door = await InboundDoor.StartAsync(("MaxRoutedBytesPerMinute", "65536"));
        await door.AddRouteAsync("help.shop.test");
        await using var client = await door.BeginAsync("a@help.shop.test");

        await SendsChunk(client, 4 * Chunk, expect: "250 ");
        await client.Says("BDAT 0 LAST", expect: "250 2.0.0 Ok: queued as ");

        await using var other = await door.BeginAsync("b@help.shop.test");
        await SendsChunk(other, 2 * Chunk + 1, expect: "451 4.3.2 ");
        Assert.Equal(3, door.Contents.Count);
    }

    [Fact]
    public async Task No_more_is_kept_for_a_webhook_than_it_takes_and_nothing_once_it_is_more()
    {
        await using var door = await InboundDoor.StartAsync();
        await door.AddRouteAsync("help.shop.test", webhook: Webhook);
        await using var client = await door.BeginAsync("a@help.shop.test");
        await client.Says("DATA", expect: "354 ");

        await client.SendsRaw(Text((int)RoutedMail.MaxWebhookBytes + 2 * Chunk));
        await door.Contents.Discarded.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Assert.Equal((0, (int)RoutedMail.MaxWebhookBytes / Chunk - 1), (door.Contents.Count, door.Contents.MostKept));
        await client.Says(".", expect: "552 5.3.4 ");
        Assert.Empty(door.Returns.Queue.Accepted);

        // The account may get as much as before.
        await door.SendAsync(client, "ann@there.test", "a@help.shop.test");
    }

    [Fact]
    public async Task A_mail_of_just_what_a_webhook_takes_is_taken()
    {
        await using var door = await InboundDoor.StartAsync();
        await door.AddRouteAsync("help.shop.test", webhook: Webhook);
        await using var client = await door.BeginAsync("a@help.shop.test");

        await client.SendsRaw($"BDAT {RoutedMail.MaxWebhookBytes} LAST\r\n{Text((int)RoutedMail.MaxWebhookBytes)}");

        await client.Expects("250 2.0.0 Ok: queued as ");
    }

    [Fact]
    public async Task While_the_store_has_room_for_those_who_send_alone_nothing_of_strangers_is_kept()
    {
        await using var door = await InboundDoor.StartAsync();
        await door.AddRouteAsync("help.shop.test");
        door.Contents.HasRoomForStrangers = false;
        await using var client = await door.BeginAsync("a@help.shop.test");

        await SendsChunk(client, 4 * Chunk, expect: "452 4.3.1 ");

        Assert.Equal(0, door.Contents.MostKept);
    }

    [Fact]
    public async Task When_the_store_refuses_a_chunk_what_it_took_before_goes()
    {
        await using var door = await InboundDoor.StartAsync();
        await door.AddRouteAsync("help.shop.test");
        await using var client = await door.BeginAsync("a@help.shop.test");
        await SendsChunk(client, 3 * Chunk + 1, expect: "250 ");
        door.Contents.Refusal = new StoreUnavailableException("no", full: true);

        await SendsChunk(client, Chunk, expect: "452 4.3.1 ");

        Assert.Equal(0, door.Contents.Count);
    }

    [Fact]
    public void What_was_taken_in_a_minute_is_not_given_back_to_the_next()
    {
        var time = new FakeTimeProvider();
        var octets = new RoutedOctets(100, time);
        var (one, other) = (octets.Open("shop"), octets.Open("shop"));
        Assert.True(one.TryTake(60));
        Assert.False(other.TryTake(60));
        Assert.True(octets.Open("elsewhere").TryTake(60));

        time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(other.TryTake(60));
        one.GiveBack();

        Assert.False(octets.Open("shop").TryTake(60));
        other.GiveBack();
        other.GiveBack();
        Assert.True(octets.Open("shop").TryTake(100));
        Assert.False(octets.Open("shop").TryTake(1));
    }

    private static async Task SendsChunk(SmtpConversation client, int octets, string expect)
    {
        await client.SendsRaw($"BDAT {octets}\r\n{Text(octets)}");
        await client.Expects(expect);
    }

    private static string Text(int octets)
    {
        var line = new string('x', 76) + "\r\n";
        var text = string.Concat(Enumerable.Repeat(line, octets / line.Length - 1));
        return Header + text + new string('y', octets - Header.Length - text.Length - 2) + "\r\n";
    }
}
