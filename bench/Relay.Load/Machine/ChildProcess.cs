using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Relay.Load.Machine;

/// <summary>A server that this run started, and therefore stops. Its output goes to a file without passing through us.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int Interrupt = 2;
    private const int Terminate = 15;

    // The servers promise to finish what is in flight within a bounded time.
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly string _log;

    private ChildProcess(Process process, string log) => (_process, _log) = (process, log);

    public int Id => _process.Id;

    public static ChildProcess Start(string log, string program, params IEnumerable<string> arguments)
    {
        // exec keeps the process id, so that signals and cost are the program's and not the shell's.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >\"$0\" 2>&1", log, program, .. arguments]);
        return new(Process.Start(start)!, log);
    }

    /// <summary>Runs a command to its end and throws with its output when it fails.</summary>
    public static async Task RunAsync(string log, string program, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        await using var child = Start(log, program, arguments);
        await child._process.WaitForExitAsync(cancellation).WaitAsync(StopTime, cancellation);
        if (child._process.ExitCode != 0)
        {
            throw child.Failure($"exit code {child._process.ExitCode}");
        }
    }

    /// <summary>Asks until the answer is yes. Throws with the end of the server's log when it ended or stays silent.</summary>
    public async Task UntilAsync(Func<CancellationToken, Task<bool>> isReady, TimeSpan patience, CancellationToken cancellation)
    {
        for (var waited = Stopwatch.StartNew(); !await isReady(cancellation);)
        {
            if (_process.HasExited || waited.Elapsed > patience)
            {
                throw Failure(_process.HasExited ? $"exit code {_process.ExitCode}" : $"not ready after {patience}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), cancellation);
        }
    }

    /// <summary>Asks it to end as Ctrl-C does, and waits until it has: some write down what they have only then.</summary>
    public async Task InterruptAsync(CancellationToken cancellation)
    {
        _ = Kill(Id, Interrupt);
        await _process.WaitForExitAsync(cancellation).WaitAsync(StopTime, cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _ = Kill(Id, Terminate);
            try
            {
                await _process.WaitForExitAsync(CancellationToken.None).WaitAsync(StopTime);
            }
            catch (TimeoutException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }

        _process.Dispose();
    }

    private InvalidOperationException Failure(string what) =>
        new($"{Path.GetFileName(_log)}: {what}\n{string.Join('\n', File.ReadLines(_log).TakeLast(20))}");

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int Kill(int process, int signal);
}
