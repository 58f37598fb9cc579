namespace Relay.Tests.Redis;

/// <summary>Waits for what a store outside of this process will show in its own time.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    public static async Task HoldsAsync(Func<Task<bool>> condition, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Deadline);
        while (!await condition())
        {
            await Task.Delay(20, deadline.Token);
        }
    }

    public static Task HoldsAsync(Func<bool> condition, CancellationToken cancellation) =>
        HoldsAsync(() => Task.FromResult(condition()), cancellation);

    /// <summary>A call that must end, whatever it comes to.</summary>
    public static Task<T> InTime<T>(this ValueTask<T> call) => call.AsTask().WaitAsync(Deadline);

    public static Task InTime(this ValueTask call) => call.AsTask().WaitAsync(Deadline);
}
