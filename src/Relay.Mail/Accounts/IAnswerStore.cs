namespace Relay.Mail.Accounts;

/// <summary>
/// What became of requests that came with an Idempotency-Key, so that a repetition gets the first answer and does nothing.
/// Submissions of mail are not among them: theirs is kept with the mail itself, in one step. Every call may throw
/// <see cref="Queue.StoreUnavailableException"/>.
/// </summary>
public interface IAnswerStore
{
    /// <summary>Notes that the request runs, unless it does or did already. Null once it is noted; else what is known of the other.</summary>
    /// <param name="name">The request's name within the account: what its key is kept under.</param>
    /// <param name="run">Tells this run from any other of the same name.</param>
    /// <param name="kept">How long the note stands if nothing more is heard of the run.</param>
    ValueTask<KeptAnswer?> TryBeginAsync(string account, string name, Guid run, TimeSpan kept, CancellationToken cancellation);

    /// <summary>The run has ended with this answer. Where its note is gone nothing is kept: another run may have begun.</summary>
    ValueTask FinishAsync(string account, string name, Guid run, ReadOnlyMemory<byte> answer, TimeSpan kept, CancellationToken cancellation);

    /// <summary>The run has ended with nothing that a repetition should get.</summary>
    ValueTask GiveUpAsync(string account, string name, Guid run, CancellationToken cancellation);
}

/// <param name="Answer">As it was given to the store; null while the request runs.</param>
public sealed record KeptAnswer(ReadOnlyMemory<byte>? Answer);
