using System.Buffers.Binary;
using System.Text.Json;
using Relay.Mail.Events;

namespace Relay.Redis.Records;

/// <summary>What happened to one message: its events one behind the other, each <c>[length, 4 octets little endian][JSON]</c>, so that more are appended.</summary>
internal static class ActivityRecord
{
    private const int LengthOctets = 4;

    public static int Measure(EventRecord happened) => LengthOctets + happened.Json.Length;

    /// <summary>Writes one event at the start of <paramref name="destination"/> and returns the octets taken.</summary>
    public static int Write(EventRecord happened, Span<byte> destination)
    {
        BinaryPrimitives.WriteInt32LittleEndian(destination, happened.Json.Length);
        happened.Json.Span.CopyTo(destination[LengthOctets..]);
        return Measure(happened);
    }

    /// <summary>The events that can be read; where the lengths break off, those before.</summary>
    public static void Read(ReadOnlySpan<byte> octets, List<MailEvent> events)
    {
        while (octets.Length > LengthOctets)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(octets);
            if (length <= 0 || length > octets.Length - LengthOctets)
            {
                return;
            }

            try
            {
                events.Add(JsonSerializer.Deserialize(octets.Slice(LengthOctets, length), RecordJson.Default.MailEvent)!);
            }
            catch (JsonException)
            {
                // It hides only itself.
            }

            octets = octets[(LengthOctets + length)..];
        }
    }
}
