using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Relay.Tests.Intake.Smtp;

namespace Relay.Tests.Intake.Sockets;

/// <summary>How a connection ends whose client was not finished. A reset would take our last words from it before it has read them.</summary>
public sealed class LastWordsTests
{
    private static readonly byte[] Nonsense = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("what?\r\n", 10_000)));

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Who_is_cut_off_in_the_midst_of_sending_may_finish_its_sentence_and_reads_why()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxBadCommands = 3, _time);
        using var client = await GreetedAsync(door);

        await client.SendAsync(Nonsense, TestContext.Current.CancellationToken);
        var heard = await ReadToEndAsync(client);
        Assert.Contains("\r\n421 4.7.0 ", heard, StringComparison.Ordinal);

        // Had it been reset, this would fail.
        await client.SendAsync(Nonsense, TestContext.Current.CancellationToken);
        await client.SendAsync(Nonsense, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Who_does_not_stop_sending_is_cut_off_all_the_same()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxBadCommands = 1, _time);
        using var client = await GreetedAsync(door);

        // 70 MB: far more than both kernels and the linger take in.
        var reset = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            for (var i = 0; i < 1_000; i++)
            {
                await client.SendAsync(Nonsense, TestContext.Current.CancellationToken);
            }
        });

        Assert.Contains(reset.SocketErrorCode, (SocketError[])[SocketError.ConnectionReset, SocketError.Shutdown]);
    }

    [Fact]
    public async Task Who_does_not_close_its_end_is_closed_after_a_second()
    {
        await using var door = await DoorUnderTest.StartAsync(options => options.MaxBadCommands = 1, _time);
        using var client = await GreetedAsync(door);
        await client.SendAsync("what?\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        await ReadToEndAsync(client);

        // A stop waits until every connection is closed.
        var closed = door.StopAsync();
        while (!closed.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await closed;
    }

    // Who speaks before it is greeted is turned away for that.
    private static async Task<Socket> GreetedAsync(DoorUnderTest door)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(door.ClearText, TestContext.Current.CancellationToken);
        var greeting = new byte[512];
        Assert.NotEqual(0, await socket.ReceiveAsync(greeting, TestContext.Current.CancellationToken));
        return socket;
    }

    private static async Task<string> ReadToEndAsync(Socket socket)
    {
        var heard = new StringBuilder();
        var buffer = new byte[4096];
        while (await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken) is var count and > 0)
        {
            heard.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }

        return heard.ToString();
    }
}
