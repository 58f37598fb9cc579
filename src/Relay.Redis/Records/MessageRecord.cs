using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using Relay.Mail.Messages;

namespace Relay.Redis.Records;

/// <summary>
/// A message as it is kept: <c>[version][length of header, 4 octets little endian][header, JSON][prologue][head]</c>.
/// The head is never copied, neither on the way in nor on the way out.
/// </summary>
internal static class MessageRecord
{
    private const byte Version = 1;
    private const int FixedLength = 5;

    public static ReadOnlySequence<byte> Write(Message message)
    {
        var header = JsonSerializer.SerializeToUtf8Bytes(MessageHeader.Of(message), RecordJson.Default.MessageHeader);
        var prologue = message.Content.Prologue;

        var front = GC.AllocateUninitializedArray<byte>(FixedLength + header.Length + prologue.Length);
        front[0] = Version;
        BinaryPrimitives.WriteInt32LittleEndian(front.AsSpan(1), header.Length);
        header.CopyTo(front, FixedLength);
        prologue.CopyTo(front.AsMemory(FixedLength + header.Length));

        return Segment.Join(front, message.Content.Head);
    }

    /// <summary>The message's head is a part of <paramref name="record"/>. False when the record is of a later version or broken.</summary>
    public static bool TryRead(MessageId id, ReadOnlyMemory<byte> record, out Message message, out string problem)
    {
        message = null!;
        problem = "";
        if (record.Length < FixedLength)
        {
            problem = $"the record has only {record.Length} octets";
            return false;
        }

        if (record.Span[0] != Version)
        {
            problem = $"the record is of version {record.Span[0]}, this relay reads version {Version}";
            return false;
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(record.Span[1..]);
        if (length < 0 || length > record.Length - FixedLength)
        {
            problem = "the record's header is cut short";
            return false;
        }

        try
        {
            var header = JsonSerializer.Deserialize(record.Span.Slice(FixedLength, length), RecordJson.Default.MessageHeader)
                ?? throw new JsonException("the header is null");
            message = header.ToMessage(id, record[(FixedLength + length)..]);
            return true;
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException)
        {
            problem = $"the record's header is broken: {e.Message}";
            return false;
        }
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public static ReadOnlySequence<byte> Join(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
        {
            if (second.IsEmpty)
            {
                return new ReadOnlySequence<byte>(first);
            }

            var tail = new Segment { Memory = second, RunningIndex = first.Length };
            var head = new Segment { Memory = first, Next = tail };
            return new ReadOnlySequence<byte>(head, 0, tail, second.Length);
        }
    }
}
