using System.Globalization;

namespace Relay.Load.Machine;

/// <summary>What all cores together have done since the machine started, from <c>/proc/stat</c>.</summary>
internal readonly record struct MachineCpu(TimeSpan Busy, TimeSpan Total)
{
    private const int TicksPerSecond = 100;

    public static MachineCpu operator -(MachineCpu a, MachineCpu b) => new(a.Busy - b.Busy, a.Total - b.Total);

    public static MachineCpu Read()
    {
        // user, nice, system, idle, iowait, irq, softirq, steal; guest time is part of user.
        var ticks = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9]
            .Select(field => long.Parse(field, CultureInfo.InvariantCulture)).ToArray();
        var total = ticks.Sum();
        var idle = ticks[3] + ticks[4];
        return new(Seconds(total - idle), Seconds(total));

        static TimeSpan Seconds(long ticks) => TimeSpan.FromSeconds((double)ticks / TicksPerSecond);
    }
}
