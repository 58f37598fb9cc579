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

    private static long Number(string text) => long.Parse(text.Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
}
