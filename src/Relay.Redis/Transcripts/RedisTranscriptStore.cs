using System.IO.Compression;
using System.Text.Json;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Redis.Connections;
using Relay.Redis.Records;

namespace Relay.Redis.Transcripts;

/// <summary>A list beside the message, the latest last, each dialogue packed: they are full of words that come again and again.</summary>
internal sealed class RedisTranscriptStore(Store store) : ITranscriptStore
{
    public async ValueTask AppendAsync(Transcript transcript, TimeSpan kept, CancellationToken cancellation)
    {
        var key = store.PartitionOf(transcript.Message).Keys.Transcripts(transcript.Message);
        var step = store.Connections.Bulk.CreateTransaction();
        _ = step.ListRightPushAsync(key, Pack(transcript));
        _ = step.ListTrimAsync(key, -Transcript.MostOfMessage, -1);
        _ = step.KeyExpireAsync(key, kept);
        await StoreFailure.TranslateAsync(step.ExecuteAsync(), cancellation);
    }

    public async ValueTask<IReadOnlyList<Transcript>> ReadAsync(MessageId message, CancellationToken cancellation)
    {
        var entries = await StoreFailure.TranslateAsync(store.Connections.Reading.ListRangeAsync(store.PartitionOf(message).Keys.Transcripts(message)), cancellation);
        return [.. entries.Select(entry => Unpack((ReadOnlyMemory<byte>)entry)).OfType<Transcript>()];
    }

    private static byte[] Pack(Transcript transcript)
    {
        using var stream = new MemoryStream();
        using (var packed = new BrotliStream(stream, CompressionLevel.Fastest))
        {
            JsonSerializer.Serialize(packed, transcript, RecordJson.Default.Transcript);
        }

        return stream.ToArray();
    }

    // Null when it cannot be read, by which nothing but itself is lost.
    private static Transcript? Unpack(ReadOnlyMemory<byte> entry)
    {
        try
        {
            using var packed = new BrotliStream(new MemoryStream(entry.ToArray()), CompressionMode.Decompress);
            return JsonSerializer.Deserialize(packed, RecordJson.Default.Transcript);
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or InvalidOperationException)
        {
            return null;
        }
    }
}
