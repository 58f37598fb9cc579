using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Relay.Mail.Events;
using Relay.Mail.Messages;

namespace Relay.Redis.Records;

/// <summary>
/// An event on its way through the outbox: <c>[version][flags][node, 4 octets][message id, 26][length of account][account][event, JSON]</c>.
/// What the projecting step needs stands in front, so it never reads the JSON.
/// </summary>
internal readonly struct EventRecord
{
    private const byte Version = 1;
    private const byte EndsFlag = 1;
    private const int FixedLength = 1 + 1 + 4 + 26 + 1;

    private readonly ReadOnlyMemory<byte> _octets;

    private EventRecord(ReadOnlyMemory<byte> octets, MessageId message)
    {
        _octets = octets;
        Message = message;
    }

    public MessageId Message { get; }

    /// <summary>With this event the message's last unit ended.</summary>
    public bool Ends => (_octets.Span[1] & EndsFlag) != 0;

    /// <summary>The node that wrote it.</summary>
    public int Node => BinaryPrimitives.ReadInt32LittleEndian(_octets.Span[2..]);

    public string Account => Encoding.UTF8.GetString(_octets.Span.Slice(FixedLength, AccountLength));

    public ReadOnlyMemory<byte> Json => _octets[(FixedLength + AccountLength)..];

    private int AccountLength => _octets.Span[FixedLength - 1];

    public static byte[] Write(MailEvent happened, int node, bool ends)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(happened, RecordJson.Default.MailEvent);
        var account = Encoding.UTF8.GetByteCount(happened.Account);

        var octets = GC.AllocateUninitializedArray<byte>(FixedLength + account + json.Length);
        octets[0] = Version;
        octets[1] = ends ? EndsFlag : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(octets.AsSpan(2), node);
        Encoding.ASCII.GetBytes(happened.Message.ToString(), octets.AsSpan(6));
        octets[FixedLength - 1] = checked((byte)account);
        Encoding.UTF8.GetBytes(happened.Account, octets.AsSpan(FixedLength));
        json.CopyTo(octets, FixedLength + account);
        return octets;
    }

    /// <summary>Says of a written event whether it ends its message, which is known only when it is settled.</summary>
    public static void SetEnds(byte[] octets, bool ends) => octets[1] = ends ? EndsFlag : (byte)0;

    public static bool TryRead(ReadOnlyMemory<byte> octets, out EventRecord record)
    {
        record = default;
        if (octets.Length < FixedLength || octets.Span[0] != Version || octets.Length < FixedLength + octets.Span[FixedLength - 1]
            || !MessageId.TryParse(Encoding.ASCII.GetString(octets.Span.Slice(6, 26)), out var message))
        {
            return false;
        }

        record = new EventRecord(octets, message);
        return true;
    }

    /// <summary>What statistics need, read from the front of the JSON, where both stand. False when the event is broken there.</summary>
    public bool TryReadKind(out MailEventType type, out DateTimeOffset time)
    {
        (type, time) = default((MailEventType, DateTimeOffset));
        try
        {
            var (hasType, hasTime) = (false, false);
            var json = new Utf8JsonReader(Json.Span);
            while (!(hasType && hasTime) && json.Read())
            {
                if (json is not { TokenType: JsonTokenType.PropertyName, CurrentDepth: 1 })
                {
                    continue;
                }

                if (json.ValueTextEquals("type"u8))
                {
                    hasType = json.Read() && Enum.TryParse(json.GetString(), out type);
                }
                else if (json.ValueTextEquals("time"u8))
                {
                    hasTime = json.Read() && json.TryGetDateTimeOffset(out time);
                }
            }

            return hasType && hasTime;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <exception cref="JsonException">The event is broken.</exception>
    public MailEvent Read() => JsonSerializer.Deserialize(Json.Span, RecordJson.Default.MailEvent) ?? throw new JsonException("the event is null");
}
