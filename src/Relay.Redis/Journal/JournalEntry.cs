using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis.Records;

namespace Relay.Redis.Journal;

/// <summary>
/// What is remembered of an attempt outside of its settling step: in the local journal, in a partition's <c>dots</c>, and
/// in its <c>late</c> list. All three keep the same octets:
/// <code>
/// [kind][message id, 26][number of the unit][attempts before]
///   dot   [time, Unix milliseconds, 8][host]
///   done  [due, 8, or -1][state: length, JSON][events: count, each length and record][reports: count, each id, length and record]
/// </code>
/// Numbers are 4 octets, little endian, where nothing else is said.
/// </summary>
/// <param name="Attempts">Attempts made before the one that is told of: a unit that has more by now was settled since.</param>
internal abstract record JournalEntry(UnitId Unit, int Attempts)
{
    private const byte DotKind = 1;
    private const byte DoneKind = 2;
    private const int IdLength = 26;
    private const long NotDue = -1;

    public void Write(IBufferWriter<byte> output)
    {
        var fixedPart = output.GetSpan(1 + IdLength + 8);
        fixedPart[0] = this is DotEntry ? DotKind : DoneKind;
        Encoding.ASCII.GetBytes(Unit.Message.ToString(), fixedPart[1..]);
        BinaryPrimitives.WriteInt32LittleEndian(fixedPart[(1 + IdLength)..], Unit.Number);
        BinaryPrimitives.WriteInt32LittleEndian(fixedPart[(5 + IdLength)..], Attempts);
        output.Advance(1 + IdLength + 8);
        WriteRest(output);
    }

    public byte[] ToArray()
    {
        var output = new ArrayBufferWriter<byte>();
        Write(output);
        return output.WrittenSpan.ToArray();
    }

    public static bool TryRead(ReadOnlyMemory<byte> octets, [NotNullWhen(true)] out JournalEntry? entry)
    {
        entry = null;
        try
        {
            var reader = new Reader(octets);
            var kind = reader.Take(1).Span[0];
            var unit = new UnitId(reader.TakeId(), reader.TakeNumber());
            var attempts = reader.TakeNumber();
            entry = kind switch
            {
                DotKind => new DotEntry(unit, attempts, DateTimeOffset.FromUnixTimeMilliseconds(reader.TakeLong()), Encoding.UTF8.GetString(reader.TakeRest().Span)),
                DoneKind => ReadDone(unit, attempts, ref reader),
                _ => null,
            };
            return entry is not null;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or JsonException or OverflowException)
        {
            return false;
        }
    }

    protected abstract void WriteRest(IBufferWriter<byte> output);

    private static DoneEntry ReadDone(UnitId unit, int attempts, ref Reader reader)
    {
        var due = reader.TakeLong();
        var state = reader.Take(reader.TakeNumber());
        var events = new byte[reader.TakeNumber()][];
        for (var i = 0; i < events.Length; i++)
        {
            events[i] = reader.Take(reader.TakeNumber()).ToArray();
        }

        var reports = new (MessageId, ReadOnlySequence<byte>)[reader.TakeNumber()];
        for (var i = 0; i < reports.Length; i++)
        {
            reports[i] = (reader.TakeId(), new ReadOnlySequence<byte>(reader.Take(reader.TakeNumber()).ToArray()));
        }

        return new DoneEntry(unit, attempts)
        {
            Next = state.IsEmpty ? null : JsonSerializer.Deserialize(state.Span, RecordJson.Default.UnitState),
            Due = due == NotDue ? null : due,
            Events = events,
            Reports = reports,
        };
    }

    protected static void WriteNumber(IBufferWriter<byte> output, int number)
    {
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(4), number);
        output.Advance(4);
    }

    protected static void WriteLong(IBufferWriter<byte> output, long? number)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(8), number ?? NotDue);
        output.Advance(8);
    }

    private ref struct Reader(ReadOnlyMemory<byte> rest)
    {
        private ReadOnlyMemory<byte> _rest = rest;

        public ReadOnlyMemory<byte> Take(int count)
        {
            var taken = _rest[..count];
            _rest = _rest[count..];
            return taken;
        }

        public int TakeNumber() => BinaryPrimitives.ReadInt32LittleEndian(Take(4).Span);

        public long TakeLong() => BinaryPrimitives.ReadInt64LittleEndian(Take(8).Span);

        public MessageId TakeId() => MessageId.Parse(Encoding.ASCII.GetString(Take(IdLength).Span));

        public readonly ReadOnlyMemory<byte> TakeRest() => _rest;
    }
}

/// <summary>The flight that ends the message is about to leave for this host.</summary>
internal sealed record DotEntry(UnitId Unit, int Attempts, DateTimeOffset Time, string Host) : JournalEntry(Unit, Attempts)
{
    public static DotEntry Of(Lease lease, string host, DateTimeOffset now) => new(lease.Id, lease.Attempts, now, host);

    public UnheardAttempt ToUnheard() => new(Host, Time);

    protected override void WriteRest(IBufferWriter<byte> output)
    {
        WriteLong(output, Time.ToUnixTimeMilliseconds());
        output.Write(Encoding.UTF8.GetBytes(Host));
    }
}

/// <summary>How the attempt ended: all that its settling step needs but the lease.</summary>
internal sealed record DoneEntry(UnitId Unit, int Attempts) : JournalEntry(Unit, Attempts)
{
    public UnitState? Next { get; init; }

    /// <summary>Unix milliseconds.</summary>
    public long? Due { get; init; }

    /// <summary>As they stand in the outbox.</summary>
    public required IReadOnlyList<byte[]> Events { get; init; }

    public IReadOnlyList<(MessageId Id, ReadOnlySequence<byte> Record)> Reports { get; init; } = [];

    /// <summary>Where the attempt was made; null where it came to no host, or nothing of its events can be read.</summary>
    public string? Host => Events.Select(HostOf).FirstOrDefault(host => host is not null);

    /// <summary>The settlement that it was, of the unit as it stands now.</summary>
    /// <exception cref="JsonException">An event is broken.</exception>
    public Settlement ToSettlement(Lease lease) => new()
    {
        Lease = lease,
        Events = [.. Told()],
        Next = Next,
        DueAt = Due is { } due ? DateTimeOffset.FromUnixTimeMilliseconds(due) : null,
        Reports = [.. ReadReports()],
    };

    /// <exception cref="JsonException">An event is broken.</exception>
    public IEnumerable<Mail.Events.MailEvent> Told() => Events.Select(octets =>
        EventRecord.TryRead(octets, out var record) ? record.Read() : throw new JsonException("not an event"));

    protected override void WriteRest(IBufferWriter<byte> output)
    {
        WriteLong(output, Due);
        WriteBlock(output, Next is null ? [] : JsonSerializer.SerializeToUtf8Bytes(Next, RecordJson.Default.UnitState));
        WriteNumber(output, Events.Count);
        foreach (var octets in Events)
        {
            WriteBlock(output, octets);
        }

        WriteNumber(output, Reports.Count);
        foreach (var (id, record) in Reports)
        {
            output.Write(Encoding.ASCII.GetBytes(id.ToString()));
            WriteNumber(output, checked((int)record.Length));
            foreach (var segment in record)
            {
                output.Write(segment.Span);
            }
        }
    }

    // Read by itself: what a later version tells may be no event here, and yet the unit may be at that host.
    private static string? HostOf(byte[] octets)
    {
        try
        {
            return EventRecord.TryRead(octets, out var record) && JsonElement.Parse(record.Json.Span).TryGetProperty("host"u8, out var host) ? host.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static void WriteBlock(IBufferWriter<byte> output, ReadOnlySpan<byte> octets)
    {
        WriteNumber(output, octets.Length);
        output.Write(octets);
    }

    private IEnumerable<Message> ReadReports()
    {
        foreach (var (id, octets) in Reports)
        {
            yield return MessageRecord.TryRead(id, octets.IsSingleSegment ? octets.First : octets.ToArray(), out var report, out var problem)
                ? report
                : throw new JsonException(problem);
        }
    }
}
