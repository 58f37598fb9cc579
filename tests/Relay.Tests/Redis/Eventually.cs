using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Queue;
using StackExchange.Redis;

namespace Relay.Tests.Redis;

/// <summary>Waits for what a store outside of this process will show in its own time.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Ends when it holds. A store that was away is back for one connection before it is for another, and a server that changes
    /// its part closes those it has: who cannot be asked has not answered yet.
    /// </summary>
    public static async Task HoldsAsync(Func<Task<bool>> condition, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Deadline);
        Exception? last = null;
        try
        {
            while (!await HoldsNowAsync())
            {
                await Task.Delay(20, deadline.Token);
            }
        }
        catch (OperationCanceledException) when (last is not null && !cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"it could not be asked in {Deadline}: {last.Message}", last);
        }

        async Task<bool> HoldsNowAsync()
        {
            try
            {
                var holds = await condition();
                last = null;
                return holds;
            }
            catch (Exception e) when (e is StoreUnavailableException or RedisException or RedisTimeoutException or IOException or SocketException)
            {
                last = e;
                return false;
            }
        }
    }

    public static Task HoldsAsync(Func<bool> condition, CancellationToken cancellation) =>
        HoldsAsync(() => Task.FromResult(condition()), cancellation);

    /// <summary>
    /// Moves the clock on until the call has ended: a loop that read it just before it was moved waits for a moment that only
    /// comes when it is moved again, which a real clock does by itself.
    /// </summary>
    public static async Task<T> WhilePassing<T>(this ValueTask<T> call, FakeTimeProvider time, TimeSpan step, CancellationToken cancellation)
    {
        var task = call.AsTask();
        await HoldsAsync(
            () =>
            {
                time.Advance(task.IsCompleted ? TimeSpan.Zero : step);
                return task.IsCompleted;
            },
            cancellation);
        return await task;
    }

    /// <summary>A call that must end, whatever it comes to.</summary>
    public static Task<T> InTime<T>(this ValueTask<T> call) => call.AsTask().WaitAsync(Deadline);

    public static Task InTime(this ValueTask call) => call.AsTask().WaitAsync(Deadline);
}
