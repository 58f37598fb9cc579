using System.Runtime.InteropServices;

namespace Relay.Load.Machine;

/// <summary>What the figures depend on besides the software.</summary>
internal static class MachineFacts
{
    public static string Describe(Workspace workspace) =>
        $"{Environment.ProcessorCount} cores ({Processor()}), {RuntimeInformation.OSDescription}, .NET {Environment.Version}, "
        + $"10 KiB write + fsync {workspace.FlushTime().TotalMilliseconds:0.00} ms on {new DriveInfo(workspace.Root).DriveFormat}";

    private static string Processor() =>
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            ?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
}
