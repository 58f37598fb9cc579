using System.Globalization;

namespace Relay.Load.Machine;

/// <param name="Held">Octets in memory now, each page shared out among the processes that map it (PSS); 0 where it cannot be read.</param>
/// <summary>
/// CPU time and memory of a server: its process, the children it has now and, for the CPU, those that have come and
/// gone, which the kernel adds to the parent that waited for them (proc(5), cutime). Read only while the server is idle:
/// a child that ends between two reads would be missed.
/// </summary>
internal readonly record struct ProcessCost(TimeSpan Cpu, long Memory, long Held = 0)
{
    // The unit of /proc/PID/stat: USER_HZ is 100 on every Linux that .NET runs on.
    private const int TicksPerSecond = 100;

    public static ProcessCost operator +(ProcessCost a, ProcessCost b) => new(a.Cpu + b.Cpu, a.Memory + b.Memory, a.Held + b.Held);

    public static ProcessCost Of(int process)
    {
        var children = ChildrenByParent();
        var cpu = TimeSpan.Zero;
        long own = 0;
        long files = 0;
        long held = 0;
        Stack<int> left = new([process]);
        while (left.TryPop(out var id))
        {
            cpu += CpuOf(id);
            held += Line(id, "smaps_rollup", "Pss:");
            var memory = MemoryOf(id);
            own += memory.Own;
            files = Math.Max(files, memory.Files);
            foreach (var child in children[id])
            {
                left.Push(child);
            }
        }

        return new(cpu, own + files, held);
    }

    /// <summary>Octets that one process, without its children, has in memory now.</summary>
    public static long ResidentOf(int process) => Line(process, "status", "VmRSS:");

    /// <summary>Octets that one process has had written to disks since its start.</summary>
    public static long WrittenBy(int process) =>
        Read(process, "io").Split('\n').FirstOrDefault(line => line.StartsWith("write_bytes:", StringComparison.Ordinal)) is { } line
            ? long.Parse(line["write_bytes:".Length..], CultureInfo.InvariantCulture)
            : 0;

    /// <summary>Octets that a line in KiB of one of the kernel's files names; 0 when the file or the line is not there.</summary>
    private static long Line(int process, string file, string name) =>
        Read(process, file).Split('\n').FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
            ? 1024 * long.Parse(line[name.Length..].Replace("kB", ""), CultureInfo.InvariantCulture)
            : 0;

    private static ILookup<int, int> ChildrenByParent() =>
        Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), out var id) ? id : 0)
            .Where(id => id > 0)
            .ToLookup(id => Stat(id) is [_, var parent, ..] ? int.Parse(parent, CultureInfo.InvariantCulture) : 0);

    /// <summary>utime, stime, cutime and cstime.</summary>
    private static TimeSpan CpuOf(int process)
    {
        var ticks = Stat(process) is { Length: > 15 } stat
            ? stat[11..15].Sum(field => long.Parse(field, CultureInfo.InvariantCulture))
            : 0;
        return TimeSpan.FromSeconds((double)ticks / TicksPerSecond);
    }

    /// <summary>The fields after the name, which may itself hold spaces and parentheses; empty when the process is gone.</summary>
    private static string[] Stat(int process)
    {
        var stat = Read(process, "stat");
        return stat.Length == 0 ? [] : stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
    }

    /// <summary>Peak memory, divided into what is the process's own and the mapped files that others may map too.</summary>
    private static (long Own, long Files) MemoryOf(int process)
    {
        var fields = Read(process, "status").Split('\n')
            .Select(line => line.Split(':'))
            .Where(parts => parts.Length == 2)
            .ToDictionary(parts => parts[0], parts => parts[1]);

        var files = KiB("RssFile") + KiB("RssShmem");
        return (Math.Max(0, KiB("VmHWM") - files), files);

        long KiB(string name) => fields.TryGetValue(name, out var value)
            ? 1024 * long.Parse(value.Replace("kB", ""), CultureInfo.InvariantCulture)
            : 0;
    }

    private static string Read(int process, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/{file}");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
