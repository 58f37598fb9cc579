using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using Relay.Delivery.Transcripts;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Redis.Records;

namespace Relay.Benchmarks.Delivery;

/// <summary>
/// What keeping dialogues costs for each message, up to the octets that are written into the store: of the delivered ones a few
/// are kept as examples, of those that failed each is. The baselines are the same messages where none is kept.
/// </summary>
[MemoryDiagnoser]
[GroupBenchmarksBy(BenchmarkLogicalGroupRule.ByCategory)]
[CategoriesColumn]
public class TranscriptBenchmarks
{
    private const int SampleOneIn = 1_000;

    private static readonly MessageId Id = MessageId.Create(TimeProvider.System);

    private readonly DialogueLog _off = new(TimeProvider.System);
    private readonly DialogueLog _on = new(TimeProvider.System);

    [GlobalSetup]
    public void Greet()
    {
        if (new TranscriptOptions().SampleOneIn != SampleOneIn)
        {
            throw new InvalidOperationException("as many are kept here as a relay keeps by default");
        }

        _off.TurnOff();
        _on.Heard("220 mx.test ESMTP\r\n"u8);
        _on.Said(0, "EHLO relay.test\r\n"u8);
        _on.Heard("250-mx.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250 CHUNKING\r\n"u8);
    }

    [BenchmarkCategory("delivered"), Benchmark(Baseline = true, OperationsPerInvoke = SampleOneIn)]
    public void DeliveredAndNoneKept()
    {
        for (var message = 0; message < SampleOneIn; message++)
        {
            _off.Forget(Deliver(_off));
        }
    }

    [BenchmarkCategory("delivered"), Benchmark(OperationsPerInvoke = SampleOneIn)]
    public byte[] DeliveredAndOneInAThousandKept()
    {
        byte[] kept = [];
        for (var message = 0; message < SampleOneIn; message++)
        {
            var turn = Deliver(_on);
            if (message == 0)
            {
                kept = Keep(turn, isSample: true);
            }

            _on.Forget(turn);
        }

        return kept;
    }

    [BenchmarkCategory("failed"), Benchmark(Baseline = true)]
    public void FailedAndNotKept() => _off.Forget(Fail(_off));

    [BenchmarkCategory("failed"), Benchmark]
    public byte[] FailedAndKept()
    {
        var turn = Fail(_on);
        var kept = Keep(turn, isSample: false);
        _on.Forget(turn);
        return kept;
    }

    private byte[] Keep(int turn, bool isSample) => TranscriptRecord.Write(new Transcript
    {
        Message = Id,
        Time = TimeProvider.System.GetUtcNow(),
        Attempt = 1,
        Domain = "example.com",
        IsSample = isSample,
        Lines = _on.Tell(turn),
    });

    private static int Deliver(DialogueLog log)
    {
        var turn = Begin(log);
        log.Heard("250 2.1.5 Ok\r\n"u8);
        log.Heard("354 End data with <CR><LF>.<CR><LF>\r\n"u8);
        log.SaidContent(turn, 10_240, byChunk: false);
        log.Heard("250 2.0.0 Ok: queued as 4XyZ\r\n"u8);
        return turn;
    }

    private static int Fail(DialogueLog log)
    {
        var turn = Begin(log);
        log.Heard("550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown in virtual mailbox table\r\n"u8);
        log.Heard("554 5.5.1 Error: no valid recipients\r\n"u8);
        return turn;
    }

    private static int Begin(DialogueLog log)
    {
        var turn = log.BeginTurn();
        log.Said(turn, "MAIL FROM:<orders@shop.test> SIZE=10240\r\nRCPT TO:<ada@example.com>\r\nDATA\r\n"u8);
        log.Listener = turn;
        log.Heard("250 2.1.0 Ok\r\n"u8);
        return turn;
    }
}
