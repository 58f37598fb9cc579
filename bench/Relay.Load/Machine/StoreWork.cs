using System.Globalization;

namespace Relay.Load.Machine;

/// <summary>What a redis-server has done since its start, from its own INFO.</summary>
internal sealed record StoreWork
{
    private const string CommandPrefix = "cmdstat_";

    public required IReadOnlyDictionary<string, long> Commands { get; init; }

    /// <summary>Octets that came in and went out.</summary>
    public required (long In, long Out) Network { get; init; }

    /// <summary>Octets written to its log, whether they still stand there or not.</summary>
    public long Log { get; init; }

    /// <summary>Its own CPU, without the children that write its log anew.</summary>
    public TimeSpan Cpu { get; init; }

    /// <summary>CPU of the children that wrote its log anew and have ended.</summary>
    public TimeSpan ChildrenCpu { get; init; }

    /// <summary>Octets of its log as it stands there.</summary>
    public long LogSize { get; init; }

    /// <summary>It is writing its log anew, or about to: the work of a while, which grows with all that it holds.</summary>
    public bool IsRewriting { get; init; }

    public long Total => Commands.Values.Sum();

    public static StoreWork operator -(StoreWork a, StoreWork b) => new()
    {
        Commands = a.Commands
            .Select(command => (command.Key, Value: command.Value - b.Commands.GetValueOrDefault(command.Key)))
            .Where(command => command.Value > 0)
            .ToDictionary(command => command.Key, command => command.Value),
        Network = (a.Network.In - b.Network.In, a.Network.Out - b.Network.Out),
        Log = a.Log - b.Log,
        Cpu = a.Cpu - b.Cpu,
        ChildrenCpu = a.ChildrenCpu - b.ChildrenCpu,
        LogSize = a.LogSize - b.LogSize,
    };

    /// <param name="info">The answer to INFO everything.</param>
    public static StoreWork Parse(string info)
    {
        var fields = info.Split('\n').Select(line => line.Trim().Split(':', 2)).Where(parts => parts.Length == 2)
            .ToDictionary(parts => parts[0], parts => parts[1]);
        return new()
        {
            // cmdstat_zadd:calls=12,usec=...
            Commands = fields.Where(field => field.Key.StartsWith(CommandPrefix, StringComparison.Ordinal)).ToDictionary(
                field => field.Key[CommandPrefix.Length..],
                field => Number(field.Value.Split(',')[0]["calls=".Length..])),
            Cpu = TimeSpan.FromSeconds(Seconds(fields.GetValueOrDefault("used_cpu_sys")) + Seconds(fields.GetValueOrDefault("used_cpu_user"))),
            ChildrenCpu = TimeSpan.FromSeconds(Seconds(fields.GetValueOrDefault("used_cpu_sys_children")) + Seconds(fields.GetValueOrDefault("used_cpu_user_children"))),
            LogSize = Number(fields.GetValueOrDefault("aof_current_size")),
            IsRewriting = fields.GetValueOrDefault("aof_rewrite_in_progress") == "1" || fields.GetValueOrDefault("aof_rewrite_scheduled") == "1",
            Network = (Number(fields.GetValueOrDefault("total_net_input_bytes")), Number(fields.GetValueOrDefault("total_net_output_bytes"))),
        };
    }

    private static double Seconds(string? text) => double.TryParse(text, CultureInfo.InvariantCulture, out var seconds) ? seconds : 0;

    private static long Number(string? text) => long.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
