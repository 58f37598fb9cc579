using Xunit;

namespace Relay.TestKit;

/// <summary>Programs from outside that a test is run against: redis-server, postfix, swaks.</summary>
public static class RealParts
{
    /// <summary>With <c>1</c> a missing part is a failure, so that a build server cannot go green by skipping.</summary>
    public const string RequireVariable = "RELAY_TEST_REQUIRE_PARTS";

    // Debian keeps servers outside an ordinary user's PATH.
    private static readonly string[] ServerFolders = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/lib/postfix/sbin", "/usr/libexec/postfix"];

    /// <summary>The full path of a program; skips the test where it is missing, or fails it when parts are required.</summary>
    public static string Require(string program) => Find(program) ?? Missing(program);

    /// <summary>The same for a part that is no program.</summary>
    public static string RequireFile(string path) => File.Exists(path) ? path : Missing(path);

    /// <summary>Skips the test where it does not run as root: it mounts disks or makes namespaces.</summary>
    public static void RequireRoot() => Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "needs root");

    public static string? Find(string program)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return folders.Concat(ServerFolders).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
    }

    private static string Missing(string part)
    {
        var reason = $"{part} is not installed on this machine";
        if (Environment.GetEnvironmentVariable(RequireVariable) == "1")
        {
            Assert.Fail($"{reason}, and {RequireVariable}=1 demands it");
        }

        Assert.Skip(reason);
        return "";
    }
}
