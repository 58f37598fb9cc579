using System.Buffers.Binary;
using System.Text.Json;
using Relay.Mail.Events;

namespace Relay.Redis.Records;

/// <summary>What happened to one message: its events one behind the other, each <c>[length, 4 octets little endian][JSON]</c>, so that more are appended.</summary>
internal static class ActivityRecord
{
    /// <summary>In front of each event; from them <see cref="MeasureFirst"/> knows how many follow.</summary>
    public const int LengthOctets = 4;

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
        while (TryTake(octets, out var json, out var taken))
        {
            if (ReadOne(json) is { } happened)
            {
                events.Add(happened);
            }

            octets = octets[taken..];
        }
    }

    /// <summary>How many octets the event at the front takes; 0 where there is none, or where the lengths break off.</summary>
    public static int MeasureFirst(ReadOnlySpan<byte> octets) =>
        octets.Length >= LengthOctets && BinaryPrimitives.ReadInt32LittleEndian(octets) is > 0 and < int.MaxValue - LengthOctets and var length ? LengthOctets + length : 0;

    /// <summary>The event at the front, where all of it is there.</summary>
    public static bool TryTake(ReadOnlySpan<byte> octets, out ReadOnlySpan<byte> json, out int taken)
    {
        json = default;
        taken = MeasureFirst(octets);
        if (taken == 0 || taken > octets.Length)
        {
            return false;
        }

        json = octets[LengthOctets..taken];
        return true;
    }

    /// <summary>Null where it is broken: it hides only itself.</summary>
    public static MailEvent? ReadOne(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, RecordJson.Default.MailEvent);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
