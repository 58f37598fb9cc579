using BenchmarkDotNet.Attributes;
using Relay.Smtp.Client;

namespace Relay.Benchmarks.Smtp;

/// <summary>The end of a reply in what was received: the answer to MAIL, and the ten lines to EHLO.</summary>
[MemoryDiagnoser]
public class ReplyScannerBenchmarks
{
    private readonly byte[] _short = "250 2.1.0 Ok\r\n"u8.ToArray();

    private readonly byte[] _long =
        "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-ETRN\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n"u8.ToArray();

    [Benchmark(Baseline = true)]
    public ReplyScan Short() => new ReplyScanner().Scan(_short);

    [Benchmark]
    public ReplyScan TenLines() => new ReplyScanner().Scan(_long);
}
