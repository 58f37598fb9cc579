namespace Relay.Tests.Intake.Smtp;

/// <summary>One message in, at most one out: nothing but CRLF "." CRLF ends a content, whatever other servers take for an end.</summary>
public sealed class SmugglingTests
{
    private const string Second = "MAIL FROM:<evil@sender.test>\r\nRCPT TO:<victim@example.test>\r\nDATA\r\nFrom: evil@sender.test\r\n\r\nsmuggled\r\n.\r\n";

    public static TheoryData<string, string> FalseEnds
    {
        get
        {
            var ends = new TheoryData<string, string>();
            foreach (var before in (string[])["\n", "\r", "\r\n", "\r\r\n", "", "\0", "\r\n\0"])
            {
                foreach (var after in (string[])["\n", "\r", "\r\n", "\r\r\n", "\0", "\0\r\n"])
                {
                    // CR CR LF ends a line, though it spoils the content: the end behind it is a true one.
                    if (before is not ("\r\n" or "\r\r\n") || after != "\r\n")
                    {
                        ends.Add(Escape(before), Escape(after));
                    }
                }
            }

            return ends;
        }
    }

    [Theory]
    [MemberData(nameof(FalseEnds))]
    public async Task A_false_end_of_DATA_is_content(string before, string after)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw($"From: shop@sender.test\r\n\r\nfirst{Unescape(before)}.{Unescape(after)}{Second}");
        var reply = await client.Expects("");
        await client.Says("NOOP", expect: "250 2.0.0 Ok");

        // "first.CRLF" is nothing but a line that ends with a dot.
        var isClean = before.Length == 0 && after == "\\r\\n";
        Assert.StartsWith(isClean ? "250 2.0.0 Ok: queued" : "550 5.6.0 ", reply, StringComparison.Ordinal);
        Assert.Equal(isClean ? 1 : 0, door.Queue.Accepted.Count);
        Assert.DoesNotContain(door.Queue.Accepted, m => m.Envelope.Sender?.Text == "evil@sender.test");
    }

    [Theory]
    [MemberData(nameof(FalseEnds))]
    [InlineData("\\r\\n", "\\r\\n")]
    [InlineData("\\r\\r\\n", "\\r\\n")]
    public async Task No_end_of_DATA_ends_a_chunk(string before, string after)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.LogInAsync();
        var content = $"From: shop@sender.test\r\n\r\nfirst{Unescape(before)}.{Unescape(after)}{Second}";

        await client.SendsRaw($"MAIL FROM:<shop@sender.test>\r\nRCPT TO:<ann@example.test>\r\nBDAT {content.Length} LAST\r\n{content}");
        await client.Expects("250 2.1.0 ");
        await client.Expects("250 2.1.5 ");
        var reply = await client.Expects("");
        await client.Says("NOOP", expect: "250 2.0.0 Ok");

        var isClean = before is "" or "\\r\\n" && after == "\\r\\n";
        Assert.StartsWith(isClean ? "250 2.0.0 Ok: queued" : "550 5.6.0 ", reply, StringComparison.Ordinal);
        Assert.Equal(isClean ? 1 : 0, door.Queue.Accepted.Count);
        if (isClean)
        {
            Assert.Equal(content, door.TheContent);
        }
    }

    [Theory]
    [InlineData("\r\r\n.\r\n")]
    [InlineData("a\nb\r\n.\r\n")]
    [InlineData("a\rb\r\n.\r\n")]
    [InlineData("a\0b\r\n.\r\n")]
    public async Task A_spoiled_content_is_read_to_its_true_end_before_it_is_refused(string content)
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var client = await door.BeginContentAsync();

        await client.SendsRaw($"From: shop@sender.test\r\n\r\n{content}NOOP\r\n");
        await client.Expects("550 5.6.0 ");
        await client.Expects("250 2.0.0 Ok");
        Assert.Empty(door.Queue.Accepted);
    }

    private static string Escape(string text) => text.Replace("\r", "\\r", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\0", "\\0", StringComparison.Ordinal);

    private static string Unescape(string text) => text.Replace("\\r", "\r", StringComparison.Ordinal).Replace("\\n", "\n", StringComparison.Ordinal).Replace("\\0", "\0", StringComparison.Ordinal);
}
