namespace Relay.Redis.Connections;

/// <summary>
/// Bounds every question to the store. The client bounds them too, by <see cref="QueueOptions.AnswerTimeout"/>, but forgets some: one
/// that is written in the very moment in which another thread finds the connection lost is put behind those that failed with it, and
/// from then on neither an answer nor a timeout comes to it. In a failover that was seen of one question in some thousands, and
/// whichever loop had asked it stood still until the process ended.
/// </summary>
internal static class StoreAnswers
{
    /// <summary>Longer than the client's own timeout may be, so that it nearly always comes first, and no longer than a lease usually lives.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(15);

    /// <exception cref="TimeoutException">It was not answered; a write may have taken place.</exception>
    public static Task<T> InTimeAsync<T>(this Task<T> answer, CancellationToken cancellation = default) => answer.WaitAsync(Longest, cancellation);

    /// <exception cref="TimeoutException">It was not answered; a write may have taken place.</exception>
    public static Task InTimeAsync(this Task answer, CancellationToken cancellation = default) => answer.WaitAsync(Longest, cancellation);
}
