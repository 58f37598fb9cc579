using System.Globalization;

namespace Relay.Faults.Stages;

/// <summary>What the machine's processors did since it started, in the kernel's ticks, from /proc/stat.</summary>
internal readonly record struct MachineTime(long Busy, long All)
{
    // user nice system idle iowait irq softirq steal; what guests used is in user already.
    private const int Fields = 8;
    private const int Idle = 3;
    private const int WaitingForDisk = 4;

    public static MachineTime Now()
    {
        long[] ticks = [.. File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(Fields)
            .Select(field => long.Parse(field, CultureInfo.InvariantCulture))];
        return new MachineTime(ticks.Sum() - ticks[Idle] - ticks[WaitingForDisk], ticks.Sum());
    }

    /// <summary>The part of the time since then in which they were busy, from 0 to 1.</summary>
    public double BusySince(MachineTime before) => All == before.All ? 0 : (Busy - before.Busy) / (double)(All - before.All);
}
