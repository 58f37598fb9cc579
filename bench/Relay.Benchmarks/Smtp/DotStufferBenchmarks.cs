using BenchmarkDotNet.Attributes;
using Relay.Smtp.Client;

namespace Relay.Benchmarks.Smtp;

/// <summary>Where a body needs its dots doubled. The baseline is the least one must do: look at each octet once.</summary>
[MemoryDiagnoser]
public class DotStufferBenchmarks
{
    private byte[] _content = [];

    [Params(false, true)]
    public bool Dotted { get; set; }

    [GlobalSetup]
    public void SetUp() => _content = Mails.Content(10 * 1024, Dotted);

    [Benchmark(Baseline = true)]
    public int Look() => _content.AsSpan().IndexOf((byte)0);

    [Benchmark]
    public int Stuff()
    {
        var stuffer = new DotStuffer();
        ReadOnlySpan<byte> rest = _content;
        var dots = 0;
        while (stuffer.Take(rest, out var length) == DotStuffing.Dot)
        {
            rest = rest[length..];
            dots++;
        }

        return dots;
    }
}
