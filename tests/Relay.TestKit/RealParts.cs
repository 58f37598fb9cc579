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
    public static string Require(string program)
    {
        var path = Find(program);
        Require(path is not null, $"{program} is not installed on this machine");
        return path!;
    }

    /// <summary>The same for a part that is no program.</summary>
    public static string RequireFile(string path)
    {
        Require(File.Exists(path), $"{path} is not installed on this machine");
        return path;
    }

    /// <summary>The same for a test that mounts disks or makes namespaces.</summary>
    public static void RequireRoot() => Require(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "this does not run as root on Linux");

    /// <summary>The same for anything else of the machine.</summary>
    public static void Require(bool isThere, string reason) =>
        Require(isThere, reason, isDemanded: Environment.GetEnvironmentVariable(RequireVariable) == "1");

    /// <param name="isDemanded">Whether what is missing fails the test.</param>
    public static void Require(bool isThere, string reason, bool isDemanded)
    {
        if (!isThere && isDemanded)
        {
            Assert.Fail($"{reason}, and {RequireVariable}=1 demands it");
        }

        Assert.SkipUnless(isThere, reason);
    }

    public static string? Find(string program)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return folders.Concat(ServerFolders).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
    }
}
