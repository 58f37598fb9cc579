using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Redis.Connections;
using Relay.Redis.Records;

namespace Relay.Redis.Transcripts;

/// <summary>A list beside the message, the latest last.</summary>
internal sealed class RedisTranscriptStore(Store store) : ITranscriptStore
{
    public async ValueTask AppendAsync(Transcript transcript, TimeSpan kept, CancellationToken cancellation)
    {
        var key = store.PartitionOf(transcript.Message).Keys.Transcripts(transcript.Message);
        var step = store.Connections.Bulk.CreateTransaction();
        _ = step.ListRightPushAsync(key, TranscriptRecord.Write(transcript));
        _ = step.ListTrimAsync(key, -Transcript.MostOfMessage, -1);
        _ = step.KeyExpireAsync(key, kept);
        await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
    }

    public async ValueTask<IReadOnlyList<Transcript>> ReadAsync(MessageId message, CancellationToken cancellation)
    {
        var entries = await StoreFailure.TranslateAsync(store.Connections.Reading.ListRangeAsync(store.PartitionOf(message).Keys.Transcripts(message)), cancellation);
        return [.. entries.Select(entry => TranscriptRecord.Read((ReadOnlyMemory<byte>)entry)).OfType<Transcript>()];
    }
}
