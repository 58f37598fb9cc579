using BenchmarkDotNet.Attributes;
using Relay.Smtp.Content;

namespace Relay.Benchmarks.Smtp;

/// <summary>Reading a body to its final dot. The baseline is the least one must do: look for the end and nothing else.</summary>
public class ContentDecoderBenchmarks
{
    private byte[] _data = [];

    [Params(false, true)]
    public bool Dotted { get; set; }

    [GlobalSetup]
    public void SetUp() => _data = Mails.Data(10 * 1024, Dotted);

    [Benchmark(Baseline = true)]
    public int FindTheEnd() => _data.AsSpan().IndexOf("\r\n.\r\n"u8);

    [Benchmark]
    public int Decode()
    {
        var decoder = ContentDecoder.ForData();
        ReadOnlySpan<byte> input = _data;
        var octets = 0;
        while (!decoder.IsComplete)
        {
            octets += decoder.Decode(ref input).Length;
        }

        return octets;
    }
}
