using StackExchange.Redis;

namespace Relay.Redis.Connections;

internal static class StepExecution
{
    /// <summary>
    /// Executes a step; this and nothing else does. One with conditions blocks the thread that writes it until the store has
    /// answered them. Were that a thread that hears of sockets (decision 24), nobody would hear the answer, nor what all the
    /// others of that thread are told, until the client gives up after its timeout: so it is one of the pool.
    /// </summary>
    public static Task<bool> RunAsync(this ITransaction step) =>
        (Thread.CurrentThread.IsThreadPoolThread ? step.ExecuteAsync() : Task.Run(() => step.ExecuteAsync())).InTimeAsync();
}
