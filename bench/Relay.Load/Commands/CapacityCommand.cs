using System.CommandLine;
using System.Globalization;
using Relay.Load.Capacity;
using Spectre.Console;

namespace Relay.Load.Commands;

/// <summary><c>capacity</c>: what so many messages a day need, from what one of them was measured to cost.</summary>
internal static class CapacityCommand
{
    // As measured on the machine of bench/README.md; ops/capacity.md says how.
    private static readonly CapacityInputs Measured = new()
    {
        RelayCpu = 0.00038, StoreCpu = 0.00006, RetryCpu = 0.0005, Size = 10_240, QueuedOverhead = 2_800, Activity = 1_900, Log = 13_000,
    };

    public static Command Create()
    {
        var relay = Number("--relay-cpu", "CPU milliseconds of the relay for a message", Measured.RelayCpu * 1000);
        var store = Number("--store-cpu", "CPU milliseconds of the store for a message", Measured.StoreCpu * 1000);
        var retry = Number("--retry-cpu", "CPU milliseconds of both for an attempt that fails", Measured.RetryCpu * 1000);
        var size = Number("--size", "Octets of a message", Measured.Size);
        var overhead = Number("--overhead", "Octets of memory for a queued message beyond its size", Measured.QueuedOverhead);
        var activity = Number("--activity", "Octets of memory for what is known of a finished message", Measured.Activity);
        var log = Number("--log", "Octets that the store's log grows by for a message", Measured.Log);
        var peak = Number("--peak", "How many times the average the busiest hour is", Measured.Peak);
        var retries = Number("--retries", "Failed attempts for each message", Measured.Retries);
        var backlog = Number("--backlog", "Days of mail that must fit into the queue", Measured.Backlog);
        var days = Number("--activity-days", "Days for which it is known what happened", Measured.ActivityDays);
        var cores = new Option<int>("--cores") { Description = "Cores of a node", DefaultValueFactory = _ => Measured.CoresPerNode };
        var memory = Number("--shard-memory", "Octets that a shard holds", Measured.ShardMemory);
        var command = new Command("capacity", "Say what 1 million to 1 billion messages a day need");
        foreach (var option in (Option[])[relay, store, retry, size, overhead, activity, log, peak, retries, backlog, days, cores, memory])
        {
            command.Add(option);
        }

        command.SetAction(parsed => Write(new CapacityInputs
        {
            RelayCpu = parsed.GetValue(relay) / 1000,
            StoreCpu = parsed.GetValue(store) / 1000,
            RetryCpu = parsed.GetValue(retry) / 1000,
            Size = parsed.GetValue(size),
            QueuedOverhead = parsed.GetValue(overhead),
            Activity = parsed.GetValue(activity),
            Log = parsed.GetValue(log),
            Peak = parsed.GetValue(peak),
            Retries = parsed.GetValue(retries),
            Backlog = parsed.GetValue(backlog),
            ActivityDays = parsed.GetValue(days),
            CoresPerNode = parsed.GetValue(cores),
            ShardMemory = parsed.GetValue(memory),
        }));
        return command;
    }

    private static void Write(CapacityInputs inputs)
    {
        CapacityPlan[] plans = [.. new[] { 1e6, 1e7, 1e8, 1e9 }.Select(messages => new CapacityPlan(inputs, messages))];
        var table = new Table().AddColumn("messages a day");
        foreach (var plan in plans)
        {
            table.AddColumn(new TableColumn(Text(plan.MessagesPerDay, "#,0")).RightAligned());
        }

        Row("average a second", p => Text(p.Average, "#,0"));
        Row("at the peak", p => Text(p.AtPeak, "#,0"));
        Row("relay cores at the peak", p => Text(p.RelayCores, "0.0"));
        Row("nodes, one to spare", p => Text(p.Nodes, "0"));
        Row("store cores at the peak", p => Text(p.StoreCores, "0.0"));
        Row("queue memory, GB", p => Text(p.QueueMemory / 1e9, "#,0"));
        Row("activity memory, GB", p => Text(p.ActivityMemory / 1e9, "#,0"));
        Row("shards, each with a replica", p => Text(p.Shards, "0") + (p.ShardsHoldMemory ? " (memory)" : " (CPU)"));
        Row("store log at the peak, MB/s", p => Text(p.LogRate / 1e6, "#,0"));
        Row("disk of all shards, GB", p => Text(p.Disk / 1e9, "#,0"));
        Row("network at the peak, Gbit/s", p => Text(p.Network / 1e9, "0.00"));
        AnsiConsole.Write(table);

        void Row(string name, Func<CapacityPlan, string> value) => table.AddRow([name, .. plans.Select(value)]);
    }

    private static Option<double> Number(string name, string description, double value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
