using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.TestKit.InMemory;

public sealed class InMemoryTranscripts : ITranscriptStore
{
    private readonly Lock _lock = new();
    private readonly List<Transcript> _kept = [];

    public IReadOnlyList<Transcript> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _kept];
            }
        }
    }

    public ValueTask AppendAsync(Transcript transcript, TimeSpan kept, CancellationToken cancellation)
    {
        lock (_lock)
        {
            _kept.Add(transcript);
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask<IReadOnlyList<Transcript>> ReadAsync(MessageId message, CancellationToken cancellation) =>
        ValueTask.FromResult<IReadOnlyList<Transcript>>([.. All.Where(t => t.Message == message)]);
}
