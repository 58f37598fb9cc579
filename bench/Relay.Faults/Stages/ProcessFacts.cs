using System.Globalization;

namespace Relay.Faults.Stages;

/// <summary>What a process holds, from /proc.</summary>
internal readonly record struct ProcessFacts(long ResidentKiB, int Threads, int Handles)
{
    public static ProcessFacts Of(int process)
    {
        try
        {
            var status = File.ReadLines($"/proc/{process}/status").Select(l => l.Split(':', 2)).Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1]);
            return new ProcessFacts(Number(status["VmRSS"]), (int)Number(status["Threads"]), Directory.GetFiles($"/proc/{process}/fd").Length);
        }
        catch (Exception gone) when (gone is IOException or KeyNotFoundException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{ResidentKiB / 1024} MiB, {Threads} threads, {Handles} handles");

    /// <summary>What is more than a tenth above the baseline, and above what a pool or a collector that has not run yet holds.</summary>
    public IEnumerable<string> GrownFrom(ProcessFacts before)
    {
        if (Handles > (before.Handles * 1.1) + 24)
        {
            yield return $"{Handles} handles when all is over, {before.Handles} before";
        }

        if (Threads > (before.Threads * 1.1) + 12)
        {
            yield return $"{Threads} threads when all is over, {before.Threads} before";
        }

        if (ResidentKiB > (before.ResidentKiB * 1.1) + (96 * 1024))
        {
            yield return $"{ResidentKiB / 1024} MiB when all is over, {before.ResidentKiB / 1024} before";
        }
    }

    private static long Number(string text) => long.Parse(text.Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
}
