using Relay.Mail.Messages;

namespace Relay.Mail.Events;

/// <summary>Keeps the dialogues of attempts, the last few of a message and for a while, for whoever has to find out why it failed.</summary>
public interface ITranscriptStore
{
    /// <summary>May throw <see cref="Queue.StoreUnavailableException"/>.</summary>
    /// <param name="kept">After this it is forgotten.</param>
    ValueTask AppendAsync(Transcript transcript, TimeSpan kept, CancellationToken cancellation);

    /// <summary>In the order in which they were kept; empty when there are none. Whose message it is was looked at before.</summary>
    ValueTask<IReadOnlyList<Transcript>> ReadAsync(MessageId message, CancellationToken cancellation);
}

/// <summary>What was said in one attempt. It holds no login and no content; nor a word of other messages that shared the connection.</summary>
public sealed record Transcript
{
    /// <summary>The most that are kept of a message; older ones give way.</summary>
    public const int MostOfMessage = 10;

    public required MessageId Message { get; init; }

    /// <summary>When the attempt ended.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The number of the attempt, from 1.</summary>
    public required int Attempt { get; init; }

    /// <summary>Of the recipients.</summary>
    public required string Domain { get; init; }

    /// <summary>Nothing failed: it was kept as an example.</summary>
    public bool IsSample { get; init; }

    public required IReadOnlyList<TranscriptLine> Lines { get; init; }
}

/// <param name="At">When it was said or heard.</param>
public sealed record TranscriptLine(DateTimeOffset At, TranscriptVoice Voice, string Text);

public enum TranscriptVoice
{
    /// <summary>A command of ours.</summary>
    Us,

    /// <summary>A line of the remote's reply.</summary>
    Them,

    /// <summary>What happened and was not said: a connection, a handshake, an end; the place of a content.</summary>
    Note,
}
