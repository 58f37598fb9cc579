using System.Net.Sockets;

namespace Relay.TestKit.Redis;

/// <summary>Asks servers in processes of their own until they say what is waited for: they have no signal to wait for.</summary>
internal static class Poll
{
    /// <summary>
    /// Ends when it holds. A server that starts, loads or changes its part refuses connections, closes those it has (a sentinel
    /// has it do so with every one), and answers with errors: that is no answer yet.
    /// </summary>
    /// <param name="cancellation">Bounds the wait.</param>
    /// <exception cref="TimeoutException">It was cancelled, and the last that was heard was no answer.</exception>
    public static async Task UntilAsync(Func<Task<bool>> holds, CancellationToken cancellation)
    {
        Exception? last = null;
        try
        {
            while (true)
            {
                try
                {
                    if (await holds())
                    {
                        return;
                    }

                    last = null;
                }
                catch (Exception e) when (e is IOException or SocketException or InvalidOperationException)
                {
                    last = e;
                }

                await Task.Delay(25, cancellation);
            }
        }
        catch (OperationCanceledException) when (last is not null)
        {
            throw new TimeoutException($"a server did not come to what was waited for; the last that was heard of it: {last.Message}", last);
        }
    }
}
