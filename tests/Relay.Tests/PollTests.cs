using System.Net;
using System.Net.Sockets;
using System.Text;
using Relay.TestKit;
using Relay.TestKit.Redis;
using Relay.TestKit.Relays;

namespace Relay.Tests;

/// <summary>The kit's wait for a server that starts or changes its part.</summary>
public sealed class PollTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_that_refuses_closes_or_is_not_ready_has_not_answered_yet()
    {
        var port = FreePorts.Next();
        var refused = new TaskCompletionSource();
        var polling = Poll.UntilAsync(
            async () =>
            {
                try
                {
                    return await RespClient.AskAsync(port, Cancellation, "ROLE") == "slave";
                }
                catch (SocketException)
                {
                    refused.TrySetResult();
                    throw;
                }
            },
            Cancellation);
        await refused.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

        using var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        foreach (var answer in (string[])["", "$5\r\nsl", "-LOADING the dataset\r\n", "+master\r\n", "+slave\r\n"])
        {
            using var asked = await listener.AcceptTcpClientAsync(Cancellation);
            await asked.GetStream().ReadAtLeastAsync(new byte[4_096], 1, cancellationToken: Cancellation);
            await asked.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer), Cancellation);
        }

        await polling.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
    }

    [Fact]
    public async Task What_was_heard_last_is_told_when_the_time_is_over()
    {
        using var over = new CancellationTokenSource();
        var polling = Poll.UntilAsync(
            () =>
            {
                over.Cancel();
                return Task.FromException<bool>(new IOException("closed"));
            },
            over.Token);

        Assert.Contains("closed", (await Assert.ThrowsAsync<TimeoutException>(() => polling)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_question_that_is_never_answered_is_waited_for_no_longer_than_allowed()
    {
        using var over = new CancellationTokenSource();
        var polling = Poll.UntilAsync(() => new TaskCompletionSource<bool>().Task, over.Token);
        Assert.False(polling.IsCompleted);

        await over.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => polling);
    }
}
