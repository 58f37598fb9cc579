using System.Buffers;
using BenchmarkDotNet.Attributes;
using Relay.Mail.Messages;
using Relay.Redis.Records;
using Relay.Smtp.Addresses;

namespace Relay.Benchmarks.Redis;

/// <summary>A message as it is written into the store and read back. The baseline is what nothing can do without: a copy of its octets.</summary>
[MemoryDiagnoser]
public class MessageRecordBenchmarks
{
    private readonly Message _message = new()
    {
        Id = MessageId.Create(TimeProvider.System),
        Account = "default",
        Credential = "key_1",
        Source = MessageSource.Smtp,
        Envelope = new Envelope
        {
            Sender = EnvelopeAddress.Parse("orders@sender.test"),
            Recipients = [new Recipient { Address = EnvelopeAddress.Parse("a@d0000.load.test") }],
        },
        Content = new MessageContent { Prologue = "Received: from client by relay\r\n"u8.ToArray(), Head = Mails.Content(10 * 1024), Length = 10 * 1024 },
        AcceptedAt = DateTimeOffset.UtcNow,
        From = "Shop <orders@sender.test>",
        Subject = "Your order has been shipped",
        MessageIdHeader = "1@sender.test",
    };

    private byte[] _record = [];

    [GlobalSetup]
    public void SetUp() => _record = MessageRecord.Write(_message).ToArray();

    [Benchmark(Baseline = true)]
    public byte[] Copy() => _message.Content.Head.ToArray();

    [Benchmark]
    public ReadOnlySequence<byte> Write() => MessageRecord.Write(_message);

    [Benchmark]
    public bool Read() => MessageRecord.TryRead(_message.Id, _record, out _, out _);
}
