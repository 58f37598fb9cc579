using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Xunit;

namespace Relay.TestKit.Relays;

/// <summary>A program beside the test, with all it said. It is killed, if it still runs, when the test lets go of it.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int Sigterm = 15;
    private const int Sigcont = 18;
    private const int Sigstop = 19;
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();

    private ChildProcess(Process process) => _process = process;

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Output => Copy(_output);

    public string Errors => Copy(_errors);

    public static ChildProcess Start(string program, IEnumerable<string> arguments, string? folder = null, IReadOnlyDictionary<string, string?>? environment = null, string? input = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? Path.GetTempPath(),
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }

        var child = new ChildProcess(new Process { StartInfo = start });
        child._process.OutputDataReceived += (_, line) => Append(child._output, line.Data);
        child._process.ErrorDataReceived += (_, line) => Append(child._errors, line.Data);
        child._process.Start();
        child._process.BeginOutputReadLine();
        child._process.BeginErrorReadLine();
        if (input is not null)
        {
            child._process.StandardInput.Write(input);
        }

        child._process.StandardInput.Close();
        return child;
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<Ended> RunAsync(
        string program,
        IEnumerable<string> arguments,
        CancellationToken cancellation,
        string? folder = null,
        IReadOnlyDictionary<string, string?>? environment = null,
        string? input = null)
    {
        await using var child = Start(program, arguments, folder, environment, input);
        var exitCode = await child.WaitAsync(TimeSpan.FromSeconds(60), cancellation);
        return new Ended(exitCode, child.Output, child.Errors);
    }

    /// <summary>Runs a line as somebody pastes it into a shell.</summary>
    public static Task<Ended> PasteAsync(string line, CancellationToken cancellation, string? folder = null) =>
        RunAsync("bash", ["-c", line], cancellation, folder);

    /// <summary>The exit code, once it has ended and all it said was read.</summary>
    public async Task<int> WaitAsync(TimeSpan atMost, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(atMost);
        await _process.WaitForExitAsync(deadline.Token);
        return _process.ExitCode;
    }

    public void Terminate() => Signal(Sigterm);

    /// <summary>SIGSTOP: it keeps all it has and does nothing.</summary>
    public void Pause() => Signal(Sigstop);

    /// <summary>SIGCONT.</summary>
    public void Continue() => Signal(Sigcont);

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    private void Signal(int signal)
    {
        if (Kill(_process.Id, signal) != 0)
        {
            throw new IOException($"kill -{signal} {_process.Id}: error {Marshal.GetLastPInvokeError()}");
        }
    }

    private static void Append(StringBuilder builder, string? line)
    {
        if (line is not null)
        {
            lock (builder)
            {
                builder.Append(line).Append('\n');
            }
        }
    }

    private static string Copy(StringBuilder builder)
    {
        lock (builder)
        {
            return builder.ToString();
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int processId, int signal);
}

internal sealed record Ended(int ExitCode, string Output, string Errors)
{
    /// <summary>Ends the test where the program failed, with what it said.</summary>
    public Ended Succeeded()
    {
        Assert.True(ExitCode == 0, $"ended with {ExitCode}:\n{Output}\n{Errors}");
        return this;
    }
}
