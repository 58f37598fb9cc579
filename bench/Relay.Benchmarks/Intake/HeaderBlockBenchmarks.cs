using BenchmarkDotNet.Attributes;
using Relay.Intake.Composition;

namespace Relay.Benchmarks.Intake;

/// <summary>The one look at a submitted header. It must not depend on how long the body is.</summary>
public class HeaderBlockBenchmarks
{
    private byte[] _content = [];

    [Params(1024, 10 * 1024)]
    public int Size { get; set; }

    [GlobalSetup]
    public void SetUp() => _content = Mails.Content(Size);

    [Benchmark]
    public int Read() =>
        HeaderBlock.TryRead(_content, isWhole: true, out var header, out _) ? header.Count(HeaderField.From) : -1;
}
