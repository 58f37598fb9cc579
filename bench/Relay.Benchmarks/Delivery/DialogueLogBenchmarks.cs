using BenchmarkDotNet.Attributes;
using Relay.Delivery.Transcripts;

namespace Relay.Benchmarks.Delivery;

/// <summary>What keeping the dialogue of a message costs that is delivered and not asked about.</summary>
[MemoryDiagnoser]
public class DialogueLogBenchmarks
{
    private readonly DialogueLog _on = new(TimeProvider.System);
    private readonly DialogueLog _off = new(TimeProvider.System);

    [GlobalSetup]
    public void Greet()
    {
        _off.TurnOff();
        _on.Heard("220 mx.test ESMTP\r\n"u8);
        _on.Heard("250-mx.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250 CHUNKING\r\n"u8);
    }

    [Benchmark(Baseline = true)]
    public void Off() => Converse(_off);

    [Benchmark]
    public void On() => Converse(_on);

    private static void Converse(DialogueLog log)
    {
        var turn = log.BeginTurn();
        log.Said(turn, "MAIL FROM:<orders@shop.test> SIZE=10240\r\nRCPT TO:<ada@example.com>\r\nDATA\r\n"u8);
        log.Listener = turn;
        log.Heard("250 2.1.0 Ok\r\n"u8);
        log.Heard("250 2.1.5 Ok\r\n"u8);
        log.Heard("354 End data with <CR><LF>.<CR><LF>\r\n"u8);
        log.SaidContent(turn, 10_240, byChunk: false);
        log.Heard("250 2.0.0 Ok: queued as 4XyZ\r\n"u8);
        log.Forget(turn);
    }
}
