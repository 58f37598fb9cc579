using System.Text;
using Relay.Mail.Messages;
using Relay.TestKit.InMemory;
using Relay.TestKit.Smtp;

namespace Relay.Tests.Intake.Smtp;

/// <summary>Who else gets a mail stands in the envelope; a client that also writes it into the header is covered for.</summary>
public sealed class BlindCopyTests
{
    private const string Header = "From: shop@sender.test\r\nTo: ann@example.test\r\n";
    private const string Blind = "Bcc: bob@example.test,\r\n\tcarol@example.test\r\nBcc: dave@example.test\r\n";

    [Fact]
    public async Task A_blind_copy_is_named_in_no_content_that_came_by_DATA()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw($"{Header}{Blind}\r\nbody\r\n.\r\n");
        await client.Expects("250 2.0.0 Ok: queued as ");

        Assert.Equal($"{Header}\r\nbody\r\n", door.TheContent);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(30)]
    [InlineData(60)]
    [InlineData(90)]
    public async Task Nor_in_one_that_came_in_chunks_wherever_they_were_cut(int cut)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await TransactAsync(door);
        var content = $"{Header}{Blind}\r\nbody\r\n";

        await client.SendsRaw($"BDAT {cut}\r\n{content[..cut]}BDAT {content.Length - cut} LAST\r\n{content[cut..]}");
        await client.Expects("250 2.0.0 ");
        await client.Expects("250 2.0.0 Ok: queued as ");

        Assert.Equal($"{Header}\r\nbody\r\n", door.TheContent);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nor_in_a_large_one_whose_header_ends_just_where_the_first_part_of_the_store_does(bool byChunks)
    {
        var contents = new InMemoryContentStore();
        await using var door = await DoorUnderTest.StartAsync(contents: contents);
        // The empty line is the last that fits into the head; the body stands in the store alone.
        var filling = MessageContent.ChunkBytes - Header.Length - Blind.Length - "X-Fill: ".Length - 4;
        var header = $"{Header}X-Fill: {new string('x', filling)}\r\n{Blind}\r\n";
        Assert.Equal(MessageContent.ChunkBytes, header.Length);
        var body = string.Concat(Enumerable.Repeat("one line of it\r\n", 40_000));

        await using var client = byChunks ? await TransactAsync(door) : await door.BeginContentAsync();
        await client.SendsRaw(byChunks ? $"BDAT {header.Length + body.Length} LAST\r\n{header}{body}" : $"{header}{body}.\r\n");
        await client.Expects("250 2.0.0 Ok: queued as ");

        var left = header.Replace(Blind, "", StringComparison.Ordinal) + body;
        Assert.Equal(left, await WholeAsync(door.TheMessage, contents));
        Assert.Equal(left.Length, door.TheMessage.Content.Length - door.TheMessage.Content.Prologue.Length);
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

    private static async Task<SmtpConversation> TransactAsync(DoorUnderTest door)
    {
        var client = await door.LogInAsync();
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");
        return client;
    }
}
