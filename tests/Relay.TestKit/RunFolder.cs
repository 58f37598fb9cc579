namespace Relay.TestKit;

/// <summary>
/// One folder for whatever a run of tests puts under the temporary folder, the programs that it starts included; it goes with
/// the run. Tests that act the end of a process leave behind what such a process leaves.
/// </summary>
public sealed class RunFolder : IDisposable
{
    private const string Variable = "TMPDIR";

    private readonly string _before = Machine;
    private readonly string _path = Directory.CreateTempSubdirectory("relay-run-").FullName;

    public RunFolder()
    {
        if (!OperatingSystem.IsWindows())
        {
            // Servers that drop root pass through it to folders of their own.
            File.SetUnixFileMode(_path, File.GetUnixFileMode(_path) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        }

        Environment.SetEnvironmentVariable(Variable, _path);
    }

    /// <summary>The temporary folder of the machine, for what outlives a run or is shared with another one.</summary>
    public static string Machine { get; } = Path.GetTempPath();

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(Variable, _before);
        Directory.Delete(_path, recursive: true);
    }
}
