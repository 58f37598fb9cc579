using System.Globalization;
using System.Text;

namespace Relay.Tests.Redis.Embedded;

/// <summary>The socket is for this user only; a broken client of ours must not take the store with it all the same.</summary>
public sealed class HostileClientTests : IAsyncLifetime
{
    private readonly EmbeddedServer _server = EmbeddedServer.Start();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("*1\r\n$99999999999\r\n")]
    [InlineData("*2147483647\r\n")]
    [InlineData("*2\r\n$3\r\nGET\r\n*1\r\n")]
    [InlineData("*1\r\n$-5\r\n")]
    public async Task What_cannot_be_understood_is_answered_once_and_ends_the_connection(string wire)
    {
        using var client = await _server.ConnectAsync(Cancellation);
        await client.SendAsync(Encoding.ASCII.GetBytes("*1\r\n$4\r\nPING\r\n" + wire), Cancellation);

        Assert.Equal("+PONG", await client.ReadAsync(Cancellation));
        Assert.StartsWith("-ERR Protocol error", await client.ReadAsync(Cancellation), StringComparison.Ordinal);
        Assert.True(await client.IsClosedAsync(Cancellation));
        await AnswersOthersAsync();
    }

    [Fact]
    public async Task A_client_that_promises_much_and_sends_little_costs_little()
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var clients = new List<RawClient>();
        for (var i = 0; i < 20; i++)
        {
            var client = await _server.ConnectAsync(Cancellation);
            await client.SendAsync("*2\r\n$4\r\nECHO\r\n$60000000\r\nx"u8.ToArray(), Cancellation);
            clients.Add(client);
        }

        await AnswersOthersAsync();

        // Of other tests that run now there may be more in memory for a moment; what these clients cost would stay.
        await Eventually.HoldsAsync(() => GC.GetTotalMemory(forceFullCollection: true) - before < 20L * 1024 * 1024, Cancellation);
        clients.ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task A_command_that_comes_octet_by_octet_is_executed()
    {
        using var client = await _server.ConnectAsync(Cancellation);
        foreach (var octet in RawClient.Command("ECHO", "slow"))
        {
            await client.SendAsync(new[] { octet }, Cancellation);
        }

        Assert.Equal("\"slow\"", await client.ReadAsync(Cancellation));
    }

    [Fact]
    public async Task Many_commands_in_one_go_are_answered_in_order()
    {
        using var client = await _server.ConnectAsync(Cancellation);
        var all = Enumerable.Range(0, 20_000).SelectMany(i => RawClient.Command("ECHO", i.ToString(CultureInfo.InvariantCulture))).ToArray();
        var sending = client.SendAsync(all, Cancellation);
        for (var i = 0; i < 20_000; i++)
        {
            Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"\"{i}\""), await client.ReadAsync(Cancellation));
        }

        await sending;
    }

    [Fact]
    public async Task A_value_of_many_megabytes_comes_back_whole()
    {
        using var client = await _server.ConnectAsync(Cancellation);
        var value = string.Create(20 * 1024 * 1024, 0, static (text, _) =>
        {
            for (var i = 0; i < text.Length; i++)
            {
                text[i] = (char)('a' + (i % 23));
            }
        });

        Assert.Equal("+OK", await client.AskAsync(Cancellation, "SET", "large", value));
        Assert.Equal($"\"{value}\"", await client.AskAsync(Cancellation, "GET", "large"));
    }

    [Fact]
    public async Task A_client_that_does_not_read_is_cut_off()
    {
        using var client = await _server.ConnectAsync(Cancellation);
        await client.AskAsync(Cancellation, "SET", "value", new string('x', 1024 * 1024));
        var ask = Enumerable.Repeat(RawClient.Command("GET", "value"), 200).SelectMany(c => c).ToArray();
        await client.SendAsync(ask, Cancellation);

        await AnswersOthersAsync();
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            for (var i = 0; i < 200; i++)
            {
                await client.ReadAsync(Cancellation);
            }
        });
    }

    [Fact]
    public async Task A_transaction_left_by_its_client_leaves_nothing()
    {
        using (var client = await _server.ConnectAsync(Cancellation))
        {
            await client.AskAsync(Cancellation, "MULTI");
            await client.AskAsync(Cancellation, "SET", "left", "1");
        }

        using var other = await _server.ConnectAsync(Cancellation);
        Assert.Equal("nil", await other.AskAsync(Cancellation, "GET", "left"));
    }

    private async Task AnswersOthersAsync()
    {
        using var other = await _server.ConnectAsync(Cancellation);
        Assert.Equal("+PONG", await other.AskAsync(Cancellation, "PING"));
    }
}
