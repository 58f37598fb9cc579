using System.IO.Compression;
using System.Text.Json;
using Relay.Mail.Events;

namespace Relay.Redis.Records;

/// <summary>A dialogue as it is stored, packed: dialogues are full of words that come again and again.</summary>
internal static class TranscriptRecord
{
    public static byte[] Write(Transcript transcript)
    {
        using var stream = new MemoryStream();
        using (var packed = new BrotliStream(stream, CompressionLevel.Fastest))
        {
            JsonSerializer.Serialize(packed, transcript, RecordJson.Default.Transcript);
        }

        return stream.ToArray();
    }

    /// <returns>Null when it cannot be read, by which nothing but itself is lost.</returns>
    public static Transcript? Read(ReadOnlyMemory<byte> record)
    {
        try
        {
            using var packed = new BrotliStream(new MemoryStream(record.ToArray()), CompressionMode.Decompress);
            return JsonSerializer.Deserialize(packed, RecordJson.Default.Transcript);
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or InvalidOperationException)
        {
            return null;
        }
    }
}
