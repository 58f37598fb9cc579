namespace Relay.Host.FirstStart;

/// <summary>How whoever started this process calls it again.</summary>
internal static class OwnName
{
    public static string FromHere()
    {
        var program = Environment.ProcessPath ?? "relay";
        return Path.GetFileNameWithoutExtension(program) == "dotnet"
            ? $"dotnet {Shortest(typeof(OwnName).Assembly.Location)}"
            : Shortest(program);
    }

    private static string Shortest(string path)
    {
        var relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? path
            : relative.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal) ? relative
            : Path.Combine(".", relative);
    }
}
