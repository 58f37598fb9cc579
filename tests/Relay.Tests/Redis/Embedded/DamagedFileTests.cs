namespace Relay.Tests.Redis.Embedded;

public sealed class DamagedFileTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_cannot_be_read_is_told_to_all_who_asked_with_it_and_stops_nothing_else()
    {
        await using var server = EmbeddedServer.Start();
        using var client = await server.ConnectAsync(Cancellation);
        await client.AskAsync(Cancellation, "SET", "damaged", new string('x', 5_000));
        await client.AskAsync(Cancellation, "SAVE");
        var blob = Assert.Single(Directory.GetFiles(server.Folder, "*.blob"));
        await using (var file = new FileStream(blob, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            file.Position = file.Length / 2;
            await file.WriteAsync("damage"u8.ToArray(), Cancellation);
        }

        byte[] together = [.. RawClient.Command("SET", "a", "1"), .. RawClient.Command("GET", "damaged"), .. RawClient.Command("PING")];
        await client.SendAsync(together, Cancellation);

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("-ERR the store failed; nothing was done", await client.ReadAsync(Cancellation));
        }

        Assert.Equal("nil", await client.AskAsync(Cancellation, "GET", "a"));
        Assert.Equal("+OK", await client.AskAsync(Cancellation, "SET", "a", "2"));
        Assert.Equal(":5000", await client.AskAsync(Cancellation, "STRLEN", "damaged"));
    }
}
