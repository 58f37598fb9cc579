using System.Security.Cryptography;
using System.Text;
using Relay.Intake.Domains;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Signing;
using Relay.TestKit.InMemory;
using Relay.Tests.Mail.Signing;

namespace Relay.Tests.Intake.Smtp;

public sealed class LargeContentTests
{
    private const string Header = "From: shop@sender.test\r\n\r\n";

    [Theory]
    [InlineData(MessageContent.ChunkBytes - 1, 0)]
    [InlineData(MessageContent.ChunkBytes, 0)]
    [InlineData(MessageContent.ChunkBytes + 1, 1)]
    [InlineData(2 * MessageContent.ChunkBytes, 1)]
    [InlineData(5_000_000, 19)]
    public async Task A_content_is_kept_octet_for_octet_whatever_its_size(int length, int chunks)
    {
        var contents = new InMemoryContentStore();
        await using var door = await DoorUnderTest.StartAsync(contents: contents);
        await using var client = await door.BeginContentAsync();

        var content = Content(length);
        await client.SendsRaw(content.Replace("\r\n.", "\r\n..", StringComparison.Ordinal) + ".\r\n");
        await client.Expects("250 2.0.0 Ok: queued as ");

        Assert.Equal(chunks, door.TheMessage.Content.Chunks);
        Assert.Equal(length, door.TheMessage.Content.Length - door.TheMessage.Content.Prologue.Length);
        Assert.Equal(Hash(content), Hash(await WholeAsync(door.TheMessage, contents)));
        Assert.Equal(chunks, contents.Count);
    }

    [Theory]
    [InlineData(MessageContent.ChunkBytes)]
    [InlineData(MessageContent.ChunkBytes + 1)]
    [InlineData(2 * MessageContent.ChunkBytes)]
    [InlineData(3_000_000)]
    public async Task A_content_of_any_size_is_signed_as_it_passes_by(int length)
    {
        var contents = new InMemoryContentStore();
        await using var door = await DoorUnderTest.StartAsync(contents: contents);
        var domain = new SendingDomain("dom", Account.Default, "sender.test", "token", SendingDomainStatus.Verified, DateTimeOffset.UnixEpoch, null);
        domain = domain with { Keys = KeyPair.CreateBoth(domain, new KeySeal([]), DateTimeOffset.UnixEpoch) };
        await door.Accounts.PutDomainAsync(domain, TestContext.Current.CancellationToken);
        await using var client = await door.BeginContentAsync();

        var content = Content(length);
        await client.SendsRaw(content.Replace("\r\n.", "\r\n..", StringComparison.Ordinal) + ".\r\n");
        await client.Expects("250 2.0.0 Ok: queued as ");

        var whole = await WholeAsync(door.TheMessage, contents);
        Assert.Equal((2, 2), PublishedKeys.Of(domain).Check(Encoding.Latin1.GetBytes(door.ThePrologue + whole)));
    }

    [Fact]
    public async Task A_large_content_may_come_in_chunks_of_any_size()
    {
        var contents = new InMemoryContentStore();
        await using var door = await DoorUnderTest.StartAsync(contents: contents);
        await using var client = await door.LogInAsync();
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");

        var content = Content(1_000_000);
        for (var sent = 0; sent < content.Length; sent += 300_000)
        {
            var part = content.Substring(sent, Math.Min(300_000, content.Length - sent));
            await client.SendsRaw($"BDAT {part.Length}\r\n{part}");
            await client.Expects("250 2.0.0 ");
        }

        await client.SendsRaw("BDAT 0 LAST\r\n");
        await client.Expects("250 2.0.0 Ok: queued as ");
        Assert.Equal(Hash(content), Hash(await WholeAsync(door.TheMessage, contents)));
    }

    [Fact]
    public async Task A_large_content_that_breaks_off_leaves_nothing()
    {
        var contents = new InMemoryContentStore();
        await using var door = await DoorUnderTest.StartAsync(contents: contents);
        await using (var client = await door.BeginContentAsync())
        {
            await client.SendsRaw(Content(2_000_000));
        }

        await door.Log.WaitForAsync("is over", TestContext.Current.CancellationToken);
        Assert.Empty(door.Queue.Accepted);
        Assert.Equal(0, contents.Count);
    }

    [Fact]
    public async Task A_large_content_that_is_refused_leaves_nothing()
    {
        var contents = new InMemoryContentStore();
        await using var door = await DoorUnderTest.StartAsync(contents: contents);
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw(Content(2_000_000) + "bare\nLF\r\n.\r\n");
        await client.Expects("550 5.6.0 ");
        Assert.Equal(0, contents.Count);
    }

    [Theory]
    [InlineData(true, "452 4.3.1 ")]
    [InlineData(false, "451 4.3.0 ")]
    public async Task A_store_that_fails_on_the_way_is_told_at_the_end(bool full, string reply)
    {
        var contents = new InMemoryContentStore { Refusal = new StoreUnavailableException("no", full) };
        await using var door = await DoorUnderTest.StartAsync(contents: contents);
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw(Content(2_000_000) + ".\r\nNOOP\r\n");
        await client.Expects(reply);
        await client.Expects("250 2.0.0 Ok");
        Assert.Empty(door.Queue.Accepted);

        contents.Refusal = null;
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
    }

    private static string Content(int length)
    {
        var content = new StringBuilder(Header, length);
        for (var line = 0; content.Length < length - 2; line++)
        {
            content.Append(line % 3 == 0 ? "." : "").Append(line).Append('x', line % 70);
            content.Length = Math.Min(content.Length, length - 2);
            content.Append(content.Length < length - 4 ? "\r\n" : "");
        }

        return content.Append('y', length - 2 - content.Length).Append("\r\n").ToString();
    }

    private static async Task<string> WholeAsync(Message message, InMemoryContentStore contents)
    {
        var whole = new StringBuilder(Encoding.Latin1.GetString(message.Content.Head.Span));
        await foreach (var chunk in contents.ReadChunksAsync(message, TestContext.Current.CancellationToken))
        {
            whole.Append(Encoding.Latin1.GetString(chunk.Span));
        }

        return whole.ToString();
    }

    private static string Hash(string text) => Convert.ToHexString(SHA256.HashData(Encoding.Latin1.GetBytes(text)));
}
