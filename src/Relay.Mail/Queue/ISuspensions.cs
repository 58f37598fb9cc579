namespace Relay.Mail.Queue;

/// <summary>What mail is suspended, on every node alike. What was begun when a suspension came ends; nothing starts after it.</summary>
public interface ISuspensions
{
    /// <summary>What this node knows: a change elsewhere is here within a second. Costs nothing to ask.</summary>
    SuspensionSnapshot Current { get; }

    /// <summary><see cref="Current"/> is another one. Handlers must not block.</summary>
    event Action? Changed;

    /// <summary>Those in force, as they are kept, oldest first. May throw <see cref="StoreUnavailableException"/>, as may the others.</summary>
    ValueTask<IReadOnlyList<Suspension>> ListAsync(CancellationToken cancellation);

    /// <summary>In force on this node when it returns. False when there are as many as there may be.</summary>
    ValueTask<bool> TryAddAsync(Suspension suspension, CancellationToken cancellation);

    /// <summary>False when there is none with this id, or no longer.</summary>
    ValueTask<bool> RemoveAsync(string id, CancellationToken cancellation);
}
