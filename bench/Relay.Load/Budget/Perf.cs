using System.Diagnostics;
using System.Globalization;
using Relay.Load.Machine;

namespace Relay.Load.Budget;

/// <summary>Linux's <c>perf</c>, attached to running processes for as long as one measurement.</summary>
internal sealed class Perf : IAsyncDisposable
{
    private const string AllCalls = "raw_syscalls:sys_enter";
    private const string Calls = "/sys/kernel/tracing/events/syscalls";
    private const string CallPrefix = "syscalls:sys_enter_";

    // What a server may well do for each message; the rest is counted together.
    private static readonly string[] s_named =
    [
        "read", "write", "writev", "pread64", "pwrite64", "recvfrom", "recvmsg", "sendto", "sendmsg", "epoll_wait", "epoll_ctl", "futex",
        "fdatasync", "fsync", "socket", "connect", "accept4", "shutdown", "close", "bind", "getsockname", "setsockopt", "getsockopt", "poll",
        "madvise", "mmap", "munmap", "mprotect", "sched_yield", "openat",
    ];

    // From its start to its first sample; nothing tells.
    private static readonly TimeSpan Attaching = TimeSpan.FromSeconds(1);

    private readonly ChildProcess _process;
    private readonly string _file;

    private Perf(ChildProcess process, string file) => (_process, _file) = (process, file);

    /// <exception cref="InvalidOperationException">There is none here, or we may not use it.</exception>
    public static void Require()
    {
        if (!Directory.Exists(Calls) || !Array.Exists((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), folder => File.Exists(Path.Combine(folder, "perf"))))
        {
            throw new InvalidOperationException("A budget needs perf and a kernel that lets us count its calls: apt-get install linux-perf, and root");
        }
    }

    /// <summary>Samples where these processes spend their time, kernel and callers included.</summary>
    public static Perf Sample(Workspace workspace, string name, int frequency, params IEnumerable<int> processes) => Start(
        workspace, name, "record", "-q", "-e", "cpu-clock", "-F", $"{frequency}", "-g", "-p", string.Join(',', processes));

    /// <summary>Counts the calls that one process makes to the kernel.</summary>
    public static Perf Count(Workspace workspace, string name, int process) => Start(
        workspace, name, "stat", "-x", ";", "-p", $"{process}", "-e", string.Join(',', [AllCalls, .. s_named.Where(IsKnown).Select(call => CallPrefix + call)]));

    /// <summary>Ends the counting. Calls by their name, and all of them by the empty name.</summary>
    public async Task<IReadOnlyDictionary<string, long>> CountedAsync(CancellationToken cancellation)
    {
        await _process.InterruptAsync(cancellation);
        var calls = new Dictionary<string, long>();
        foreach (var line in await File.ReadAllLinesAsync(_file, cancellation))
        {
            if (line.Split(';') is [var count, _, var counted, ..] && long.TryParse(count, CultureInfo.InvariantCulture, out var number))
            {
                calls[counted == AllCalls ? "" : counted[CallPrefix.Length..]] = number;
            }
        }

        return calls.ContainsKey("") ? calls : throw new InvalidOperationException($"perf has counted nothing: {await File.ReadAllTextAsync(_file, cancellation)}");
    }

    /// <summary>Ends the sampling, and says whose the samples are.</summary>
    public async Task<Samples> SampledAsync(int store, CancellationToken cancellation)
    {
        await _process.InterruptAsync(cancellation);
        using var script = Process.Start(new ProcessStartInfo("perf", ["script", "-i", _file, "-F", "pid,ip,sym,dso"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = script.StandardError.ReadToEndAsync(cancellation);
        var samples = Samples.Read(script.StandardOutput, store);
        await script.WaitForExitAsync(cancellation);
        return samples.Total > 0 ? samples : throw new InvalidOperationException($"perf has sampled nothing: {await errors}");
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private static Perf Start(Workspace workspace, string name, string command, params string[] options)
    {
        var file = workspace.File($"{name}.perf");
        var process = ChildProcess.Start(workspace.File($"{name}.log"), "perf", [command, "-o", file, .. options]);
        Thread.Sleep(Attaching);
        return new Perf(process, file);
    }

    private static bool IsKnown(string call) => Directory.Exists(Path.Combine(Calls, $"sys_enter_{call}"));
}
