namespace Relay.TestKit;

/// <summary>Where what is under test stands.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Relay.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("Relay.sln is not above the tests");
        }

        return folder;
    }
}
