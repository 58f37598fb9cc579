using BenchmarkDotNet.Attributes;
using Relay.Smtp.Commands;

namespace Relay.Benchmarks.Smtp;

/// <summary>The three commands of every message.</summary>
public class CommandParserBenchmarks
{
    private readonly byte[] _mail = "MAIL FROM:<orders@sender.test> SIZE=10240 BODY=8BITMIME"u8.ToArray();
    private readonly byte[] _rcpt = "RCPT TO:<00000001-0000002a@d0000.load.test>"u8.ToArray();
    private readonly byte[] _data = "DATA"u8.ToArray();

    [Benchmark]
    public object Mail() => CommandParser.Parse(_mail);

    [Benchmark]
    public object Rcpt() => CommandParser.Parse(_rcpt);

    [Benchmark]
    public object Data() => CommandParser.Parse(_data);
}
