using System.Net.Sockets;

namespace Relay.TestKit;

/// <summary>Asks programs in processes of their own until they say what is waited for: they have no signal to wait for.</summary>
internal static class Poll
{
    // Far beyond what anything takes on a slow machine that does all else at the same time: what has not come by then never will.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);

    /// <inheritdoc cref="UntilAsync(Func{Task{bool}}, CancellationToken, Func{string}?)"/>
    public static Task UntilAsync(Func<bool> holds, CancellationToken cancellation, Func<string>? otherwise = null) =>
        UntilAsync(() => Task.FromResult(holds()), cancellation, otherwise);

    /// <summary>
    /// Ends when it holds. A server that starts, loads or changes its part refuses connections, closes those it has (a sentinel
    /// has it do so with every one), and answers with errors: that is no answer yet.
    /// </summary>
    /// <param name="cancellation">Bounds the wait further: it never takes more than a minute.</param>
    /// <param name="otherwise">What there is to say where it never holds.</param>
    /// <exception cref="TimeoutException">It did not come to hold.</exception>
    public static async Task UntilAsync(Func<Task<bool>> holds, CancellationToken cancellation, Func<string>? otherwise = null)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        Exception? last = null;
        try
        {
            while (true)
            {
                try
                {
                    // What is asked may itself never answer.
                    if (await holds().WaitAsync(patience.Token))
                    {
                        return;
                    }

                    last = null;
                }
                catch (Exception e) when (e is IOException or SocketException or InvalidOperationException or HttpRequestException)
                {
                    last = e;
                }

                await Task.Delay(Pause, patience.Token);
            }
        }
        catch (OperationCanceledException) when (last is not null || !cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"what was waited for did not come; the last that was heard: {last?.Message ?? "not yet"}\n{otherwise?.Invoke()}", last);
        }
    }
}
