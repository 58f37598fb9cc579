using System.Globalization;

namespace Relay.Load.Budget;

/// <summary>How many samples fell on each stage, and how many of them on the kernel.</summary>
internal sealed class Samples
{
    private readonly Dictionary<string, (int All, int Kernel)> _stages = [];

    public int Total { get; private set; }

    public (int All, int Kernel) Of(string stage) => _stages.GetValueOrDefault(stage);

    /// <summary>
    /// Reads what <c>perf script -F pid,ip,sym,dso</c> writes: for each sample a line with the process, the frames of its stack
    /// from the inside out, and an empty line.
    /// </summary>
    /// <param name="store">The process whose samples are the store's, whatever it did.</param>
    public static Samples Read(TextReader script, int store)
    {
        var samples = new Samples();
        while (script.ReadLine() is { } head)
        {
            if (!int.TryParse(head.AsSpan().Trim(), CultureInfo.InvariantCulture, out var process))
            {
                continue;
            }

            string? stage = process == store ? "store" : null;
            string? call = null;
            bool? isKernel = null;
            while (script.ReadLine() is { } frame && !string.IsNullOrWhiteSpace(frame))
            {
                // The upper half of all addresses is the kernel's.
                isKernel ??= frame.AsSpan().TrimStart().StartsWith("ffff", StringComparison.Ordinal);
                stage ??= Stages.Of(frame);
                call ??= Stages.OfCall(frame);
            }

            samples.Add(stage ?? call ?? Stages.Runtime, isKernel ?? false);
        }

        return samples;
    }

    private void Add(string stage, bool isKernel)
    {
        var (all, kernel) = Of(stage);
        _stages[stage] = (all + 1, kernel + (isKernel ? 1 : 0));
        Total++;
    }
}
